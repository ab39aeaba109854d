import hashlib
import json
import re

import pytest

from transforms.functional.dataset.manifest import FORMAT_VERSION, Manifest, fingerprint_of
from transforms.functional.dataset.manifest_entries import (
    Generation,
    InputEntry,
    ShardEntry,
    TokenizerEntry,
)
from transforms.functional.dataset.manifest_lists import ListFile
from transforms.functional.errors import InputError
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records


def shard(part: int, *, rows: int = 2, content: str = "c") -> ShardEntry:
    return ShardEntry(
        path=f"train/000001/0000000-{part:04d}.arrow",
        split=0,
        part=part,
        rows=rows,
        tokens=8 * rows,
        reviews=3,
        bytes=1000,
        sha256="f" * 64,
        content_sha256=f"{content}{part}".rjust(64, "0"),
    )


INPUTS = Records.of(InputEntry, [InputEntry(path="in.jsonl", bytes=7, identity="x")])


def subsets(**entries: list[ShardEntry]) -> dict[str, Records[ShardEntry]]:
    return {subset: Records.of(ShardEntry, shards) for subset, shards in entries.items()}


def manifest(**changes: object) -> Manifest:
    values = {
        "fingerprint": "f00d" * 16,
        "task": "mlm",
        "max_length": 8,
        "config": {"seed": 0, "task": "mlm"},
        "tokenizer": TokenizerEntry(
            path="tokenizer/tokenizer.json",
            sha256="abc0" * 16,
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
        "generations": (Generation(number=1, inputs=1, splits=1),),
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
    lines = [f"train:{'c0':0>64}", f"train:{'c1':0>64}", f"validation:{'c2':0>64}"]
    expected = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()

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

    with pytest.raises(InputError, match=r"version 3, newer than the 2 .* install a newer"):
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


def changed(path: str, value: object) -> str:
    """Return the JSON text of a manifest with one field changed: `tokenizer.sha256`."""
    document = json.loads(manifest().dumps())
    *folders, name = [int(key) if key.isdigit() else key for key in path.split(".")]
    target = document
    for key in folders:
        target = target[key]
    target[name] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("splits.train.shards.1.sha256", "/somewhere/x", "sha256 of shard of train 1 is '/somewh"),
        ("splits.train.shards.0.sha256", "F" * 64, "no sha256 of 64 hexadecimal digits"),
        ("splits.train.shards.0.content_sha256", "", "content_sha256 of shard of train 0 is ''"),
        ("splits.train.shards.0.bytes", -1, "bytes of shard of train 0 is '-1', which is no whole"),
        ("splits.train.shards.0.rows", -5, "rows of shard of train 0"),
        ("splits.train.shards.0.rows", "5", "holds no manifest"),
        ("splits.train.shards.0.rows", 10**30, "holds no manifest"),
        ("splits.train.shards.0.path", "../x.arrow", "outside the dataset"),
        ("splits.test", {"shards": []}, "the name of a subset is 'test', which is no one of train"),
        ("inputs.0.bytes", -7, "bytes of input 0"),
        ("task", "../mlm", "task is '../mlm'"),
        ("max_length", 0, "max_length is '0', which is no whole number from 1"),
        ("max_length", True, "max_length is 'True'"),
        ("max_length", 8.0, "max_length is '8.0'"),
        ("max_length", 2**40, "max_length"),
        ("config", [], "config is"),
        ("fingerprint", "x", "fingerprint is 'x'"),
        ("tokenizer.path", "/etc/passwd", "outside the dataset"),
        ("tokenizer.sha256", "abc", "sha256 of the tokenizer"),
        ("tokenizer.vocab_size", -1, "vocab_size is '-1'"),
        (
            "tokenizer.special_token_ids.pad",
            100,
            "the id of pad is '100', which is no whole number",
        ),
        ("tokenizer.prefix", ["[CLS]"], "an id of the prefix is '[CLS]'"),
        ("label_numbers.neg", -2, "the number of label 'neg' is '-2'"),
        ("label_numbers", ["neg"], "label_numbers is"),
        ("generations.0.splits", -1, "splits of generation 1 is '-1'"),
        ("lists.train", [{"path": "../l", "sha256": "0" * 64, "rows": 1}], "outside the dataset"),
        ("lists.train", [{"path": "l", "sha256": "../x", "rows": 1}], "sha256 of l is '../x'"),
        ("lists.train", [{"path": "l", "sha256": "0" * 64, "rows": -1}], "rows of l is '-1'"),
    ],
)
def test_every_field_must_have_its_form(path: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        loads(changed(path, value))
    assert "\n" not in str(error.value)
