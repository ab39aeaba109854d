import hashlib
import json

import pytest

from transforms.functional.dataset.manifest import (
    Generation,
    InputEntry,
    Manifest,
    ShardEntry,
    TokenizerEntry,
    fingerprint_of,
)
from transforms.functional.dataset.manifest_lists import ListFile
from transforms.functional.dataset.shards import FORMAT_VERSION
from transforms.functional.errors import InputError
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records


def shard(part: int, *, rows: int = 2, content: str = "c") -> ShardEntry:
    return ShardEntry(
        path=f"train/0000000-{part:04d}.arrow",
        split=0,
        part=part,
        rows=rows,
        tokens=8 * rows,
        reviews=3,
        bytes=1000,
        sha256="f" * 64,
        content_sha256=f"{content}{part}",
    )


INPUTS = Records.of(InputEntry, [InputEntry(path="in.jsonl", bytes=7, identity="x")])


def subsets(**entries: list[ShardEntry]) -> dict[str, Records[ShardEntry]]:
    return {subset: Records.of(ShardEntry, shards) for subset, shards in entries.items()}


def manifest(**changes: object) -> Manifest:
    values = {
        "fingerprint": "f00d",
        "task": "mlm",
        "max_length": 8,
        "config": {"seed": 0, "task": "mlm"},
        "tokenizer": TokenizerEntry(
            path="tokenizer/tokenizer.json",
            sha256="abc",
            vocab_size=100,
            special_token_ids={"pad": 0},
            prefix=[1],
            suffix=[2],
        ),
        "label_numbers": {"neg": 0, "pos": 1, "\u00fc": 2},
        "subsets": subsets(train=[shard(0), shard(1, rows=3)], validation=[shard(2)]),
        "ledger": Ledger(
            reviews=ReviewCounts(read=5, written=5), tokens=TokenCounts(tokenized=40, written=40)
        ),
        "inputs": INPUTS,
        "generations": (Generation(inputs=1, splits=1),),
    }
    return Manifest(**{**values, **changes})


def loads(text: str | bytes) -> Manifest:
    """Return a manifest that has no list files."""
    return Manifest.loads(text, {}.__getitem__)


def test_it_survives_its_json() -> None:
    text = manifest().dumps()
    read = loads(text)

    assert read == manifest()
    assert read.dumps() == text
    assert loads(text.encode()) == read


def test_rows_and_tokens_are_summed_by_subset() -> None:
    document = json.loads(manifest().dumps())

    assert (manifest().rows("train"), manifest().tokens("train")) == (5, 40)
    assert (manifest().rows("validation"), manifest().tokens("validation")) == (2, 16)
    assert manifest().rows("test") == 0
    assert {name: (s["rows"], s["tokens"]) for name, s in document["splits"].items()} == {
        "train": (5, 40),
        "validation": (2, 16),
    }


def test_the_content_hash_is_that_of_the_shards_content_hashes_in_order() -> None:
    expected = hashlib.sha256(b"train:c0\ntrain:c1\nvalidation:c2\n").hexdigest()

    assert manifest().content_sha256() == expected
    assert json.loads(manifest().dumps())["content_sha256"] == expected


def test_the_content_hash_changes_with_order_subset_and_content_and_with_nothing_else() -> None:
    same = manifest(fingerprint="other", inputs=Records.of(InputEntry), config={})
    others = [
        manifest(subsets=subsets(train=[shard(1), shard(0)], validation=[shard(2)])),
        manifest(subsets=subsets(train=[shard(0), shard(1), shard(2)])),
        manifest(subsets=subsets(train=[shard(0, content="d"), shard(1)], validation=[shard(2)])),
    ]

    assert same.content_sha256() == manifest().content_sha256()
    hashes = {other.content_sha256() for other in (*others, manifest())}
    assert len(hashes) == 4


def test_a_newer_format_is_refused_with_the_cure() -> None:
    text = manifest(format_version=FORMAT_VERSION + 1).dumps()

    with pytest.raises(InputError, match=r"version 2, newer than the 1 .* install a newer"):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format_version": "1"}',
        '{"format_version": null}',
        '{"format_version": 1}',
        manifest().dumps()[:-40],
        manifest().dumps().replace('"ledger"', '"legder"'),
        manifest().dumps().replace('"rows"', '"lines"'),
        b"\xff\xfe",
    ],
)
def test_what_is_no_manifest_is_said_to_be_damaged(text: str | bytes) -> None:
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        loads(text)


def test_the_fingerprint_covers_options_and_tokenizer_files_but_no_order() -> None:
    options, files = {"seed": 0, "task": "mlm"}, {"tokenizer.json": b"{}", "config": b"1"}
    first = fingerprint_of(options, files)

    assert first == fingerprint_of(dict(reversed(options.items())), dict(reversed(files.items())))
    others = [
        fingerprint_of({**options, "seed": 1}, files),
        fingerprint_of(options, {**files, "config": b"2"}),
        fingerprint_of(options, {"tokenizer.json": b"{}"}),
    ]
    assert len({first, *others}) == 4


def test_a_list_file_that_is_missing_or_changed_is_an_error() -> None:
    train = manifest().subsets["train"]
    data = train.to_parquet()
    path = "manifests/000001-train.parquet"
    file = ListFile(path=path, sha256=hashlib.sha256(data).hexdigest(), rows=len(train))
    text = manifest(lists={"train": (file,)}).dumps()

    assert json.loads(text)["splits"]["train"]["shards"] == []
    assert Manifest.loads(text, {path: data}.__getitem__).subsets["train"] == train

    def missing(_: str) -> bytes:
        raise FileNotFoundError

    with pytest.raises(InputError, match=r"000001-train\.parquet is missing"):
        Manifest.loads(text, missing)
    with pytest.raises(InputError, match=r"000001-train\.parquet is damaged"):
        Manifest.loads(text, lambda _: data[:-1])
    outside = text.replace(path, "../secret.parquet")
    with pytest.raises(InputError, match="lies outside the dataset"):
        Manifest.loads(outside, lambda _: data)
