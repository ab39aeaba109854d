import dataclasses
import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from transforms.functional.dataset.commit import (
    ManifestDraft,
    check_rejected,
    complete_manifest,
    move_to_lists,
)
from transforms.functional.dataset.manifest import Manifest
from transforms.functional.dataset.manifest_entries import (
    Generation,
    InputEntry,
    ShardEntry,
    Subset,
    TokenizerEntry,
)
from transforms.functional.elements import ReadReceipt, ShardReceipt
from transforms.functional.errors import LedgerError, TooManyRejectedError
from transforms.functional.ledger import Ledger, ReviewCounts, TokenCounts
from transforms.functional.records import Records
from transforms.functional.reviews.reviews import PartKey

DRAFT = ManifestDraft(
    manifest=Manifest(
        fingerprint="f00d" * 16,
        task="mlm",
        max_length=8,
        config={},
        tokenizer=TokenizerEntry(
            path="tokenizer/tokenizer.json",
            sha256="0" * 64,
            vocab_size=9,
            special_token_ids={},
            prefix=[],
            suffix=[],
        ),
        label_numbers=None,
        subsets={subset: Records.of(ShardEntry) for subset in ("train", "validation")},
        ledger=Ledger(),
        inputs=Records.of(InputEntry),
        generations=(Generation(number=1, inputs=0, splits=2),),
    ),
    n_splits=2,
    max_rejected_fraction=0.5,
)


def read_receipt(split: int, part: int, *, last: bool, reviews: int, rejected: int) -> ReadReceipt:
    key = PartKey(split=split, part=part)
    return ReadReceipt(
        key=key, last=last, reviews=ReviewCounts(read=reviews + rejected, rejected=rejected)
    )


def shard_receipt(
    split: int, part: int, subset: Subset, *, written: int, dropped: int = 0
) -> ShardReceipt:
    """Return the receipt of a shard whose reviews are of 10 tokens each; no row, no shard."""
    entry = ShardEntry(
        path=f"{subset}/{PartKey(split=split, part=part)}.arrow",
        split=split,
        part=part,
        rows=written,
        tokens=10 * written,
        reviews=written,
        bytes=1,
        sha256="0" * 64,
        content_sha256=hashlib.sha256(f"{split}-{part}-{subset}".encode()).hexdigest(),
    )
    return ShardReceipt(
        shard=entry if written else None,
        subset=subset,
        ledger=Ledger(
            reviews=ReviewCounts(written=written, dropped=dropped),
            tokens=TokenCounts(
                tokenized=10 * (written + dropped), written=10 * written, dropped=10 * dropped
            ),
        ),
    )


# Split 0 has parts 0 and 1, split 1 has part 0, with 7, 0 and 3 good reviews.
READ = (
    read_receipt(0, 0, last=False, reviews=7, rejected=1),
    read_receipt(0, 1, last=True, reviews=0, rejected=2),
    read_receipt(1, 0, last=True, reviews=3, rejected=0),
)
SHARDS = (
    shard_receipt(0, 0, "train", written=4, dropped=1),
    shard_receipt(0, 0, "validation", written=2),
    shard_receipt(0, 1, "train", written=0),
    shard_receipt(0, 1, "validation", written=0),
    shard_receipt(1, 0, "train", written=2),
    shard_receipt(1, 0, "validation", written=1),
)


INPUTS = Records.of(InputEntry, [InputEntry(path="a.jsonl", bytes=7, identity="x")])


def complete(
    read: Sequence[ReadReceipt] = READ, shards: Sequence[ShardReceipt] = SHARDS
) -> Manifest:
    return complete_manifest(DRAFT, INPUTS, iter(read), iter(shards))


def test_receipts_become_shards_in_order_and_a_balanced_ledger() -> None:
    manifest = complete()

    assert {
        subset: [(shard.split, shard.part, shard.rows) for shard in shards]
        for subset, shards in manifest.subsets.items()
    } == {"train": [(0, 0, 4), (1, 0, 2)], "validation": [(0, 0, 2), (1, 0, 1)]}
    assert manifest.ledger.reviews == ReviewCounts(read=13, written=9, rejected=3, dropped=1)
    assert manifest.ledger.tokens == TokenCounts(tokenized=100, written=90, dropped=10)
    manifest.ledger.check()


@given(st.permutations(READ), st.permutations(SHARDS))
def test_the_manifest_does_not_depend_on_the_order_of_arrival(
    read: list[ReadReceipt], shards: list[ShardReceipt]
) -> None:
    assert complete(read, shards).dumps() == complete().dumps()


def test_parts_are_ordered_as_numbers() -> None:
    read = [read_receipt(0, part, last=part == 11, reviews=1, rejected=0) for part in range(12)]
    read.append(read_receipt(1, 0, last=True, reviews=0, rejected=0))
    shards = [shard_receipt(0, part, "train", written=1) for part in reversed(range(12))]

    assert [s.part for s in complete(read, shards).subsets["train"]] == list(range(12))


def test_a_subset_without_a_row_is_there_and_empty() -> None:
    read = [read_receipt(split, 0, last=True, reviews=0, rejected=0) for split in (0, 1)]

    splits = complete(read, []).subsets

    assert {name: list(shards) for name, shards in splits.items()} == {
        "train": [],
        "validation": [],
    }


@pytest.mark.parametrize("missing", range(len(READ)))
def test_a_part_that_was_not_read_is_an_error(missing: int) -> None:
    read = [receipt for place, receipt in enumerate(READ) if place != missing]

    with pytest.raises(LedgerError, match=f"split {READ[missing].key.split} came with parts"):
        complete(read)


def test_a_missing_last_part_is_seen_even_where_the_counts_add_up() -> None:
    # Part 1 of split 0 holds no review and no rejected record: only its absence can tell.
    read = [READ[0], dataclasses.replace(READ[1], reviews=ReviewCounts()), READ[2]]
    complete(read)

    with pytest.raises(LedgerError, match="split 0 came with parts"):
        complete([read[0], read[2]])


def test_a_split_that_did_not_come_at_all_is_an_error() -> None:
    empty = [READ[0], READ[1], read_receipt(1, 0, last=True, reviews=0, rejected=0)]
    complete(empty, SHARDS[:4])

    with pytest.raises(LedgerError, match="split 1 came with parts"):
        complete(empty[:2], SHARDS[:4])


@pytest.mark.parametrize("twice", range(len(READ)))
def test_a_part_that_was_read_twice_is_an_error(twice: int) -> None:
    with pytest.raises(LedgerError, match=f"split {READ[twice].key.split} came with parts"):
        complete([*READ, READ[twice]])


def test_a_part_of_a_split_that_was_not_planned_is_an_error() -> None:
    stranger = read_receipt(2, 0, last=True, reviews=0, rejected=0)

    with pytest.raises(LedgerError, match="split 2 came with parts"):
        complete([*READ, stranger])


@pytest.mark.parametrize("missing", [0, 1, 4, 5])
def test_a_missing_shard_is_an_error(missing: int) -> None:
    shards = [receipt for place, receipt in enumerate(SHARDS) if place != missing]

    with pytest.raises(LedgerError):
        complete(READ, shards)


@pytest.mark.parametrize("twice", [0, 1, 4, 5])
def test_a_shard_that_came_twice_is_an_error(twice: int) -> None:
    with pytest.raises(LedgerError):
        complete(READ, [*SHARDS, SHARDS[twice]])


def test_a_shard_that_came_twice_in_the_place_of_another_is_an_error() -> None:
    # The counts of both are the same, so that the sums alone would not show it.
    shards = [*SHARDS[:4], SHARDS[1], SHARDS[5]]

    with pytest.raises(LedgerError, match=r"validation/0000000-0000\.arrow came twice"):
        complete(READ, shards)


@pytest.mark.parametrize("name", ["tokens", "reviews"])
def test_a_shard_that_holds_other_than_what_was_counted_is_an_error(name: str) -> None:
    entry = SHARDS[0].shard
    assert entry is not None
    wrong = dataclasses.replace(entry, **{name: getattr(entry, name) - 1})
    shards = [dataclasses.replace(SHARDS[0], shard=wrong), *SHARDS[1:]]

    with pytest.raises(LedgerError, match=f"the shards hold .* {name}"):
        complete(READ, shards)


@pytest.mark.parametrize(
    "more",
    [
        *(Ledger(reviews=ReviewCounts(**{name: 1})) for name in ("written", "dropped")),
        *(
            Ledger(tokens=TokenCounts(**{name: 1}))
            for name in ("tokenized", "special", "repeated", "written", "dropped")
        ),
    ],
    ids=str,
)
def test_a_wrong_count_is_an_error(more: Ledger) -> None:
    wrong = dataclasses.replace(SHARDS[0], ledger=SHARDS[0].ledger + more)

    with pytest.raises(LedgerError):
        complete(READ, [wrong, *SHARDS[1:]])


def test_labels_from_folders_win_over_those_collected() -> None:
    manifest = dataclasses.replace(DRAFT.manifest, label_numbers={"pos": 1})
    draft = dataclasses.replace(DRAFT, manifest=manifest)

    assert complete_manifest(draft, INPUTS, READ, SHARDS, {"a": 0}).label_numbers == {"pos": 1}
    assert complete_manifest(DRAFT, INPUTS, READ, SHARDS, {"a": 0}).label_numbers == {"a": 0}
    assert complete_manifest(DRAFT, INPUTS, READ, SHARDS).label_numbers is None


def test_rejected_records_up_to_the_share_are_fine_and_one_more_is_not() -> None:
    check_rejected(ReviewCounts(read=100, rejected=1), 0.01)
    check_rejected(ReviewCounts(read=100, rejected=100), 1.0)
    check_rejected(ReviewCounts(), 0.0)
    with pytest.raises(TooManyRejectedError) as error:
        check_rejected(ReviewCounts(read=100, rejected=2), 0.01)

    assert str(error.value).startswith(
        "2 of 100 records were rejected (2.00%), more than --max_rejected_fraction 0.01 allows"
    )
    assert error.value.exit_code == 3
    with pytest.raises(TooManyRejectedError):
        strict = dataclasses.replace(DRAFT, max_rejected_fraction=0.2)
        complete_manifest(strict, INPUTS, READ, SHARDS)


def test_the_error_names_the_worst_file_and_the_commonest_reason() -> None:
    inputs = Records.of(
        InputEntry, [InputEntry(path=f"{name}.jsonl", bytes=1, identity="x") for name in "ab"]
    )
    read = [
        dataclasses.replace(READ[0], rejected_in={0: 1}, reasons={"no text": 1}),
        dataclasses.replace(READ[1], rejected_in={1: 2}, reasons={"no JSON": 2}),
        READ[2],
    ]
    strict = dataclasses.replace(DRAFT, max_rejected_fraction=0.2)

    with pytest.raises(TooManyRejectedError) as error:
        complete_manifest(strict, inputs, read, SHARDS)
    assert "3 of 13 records were rejected" in str(error.value)
    assert "(most in b.jsonl: 2; most for: no JSON: 2)" in str(error.value)
    assert "--bad_files quarantine" in str(error.value)


def append(earlier: Manifest) -> Manifest:
    """Return a dataset to which a run of one split, with one review for `train`, was added."""
    first = earlier.n_splits()
    number = earlier.generation
    added = Generation(number=number + 1, inputs=0, splits=3)
    draft = dataclasses.replace(
        DRAFT,
        manifest=dataclasses.replace(DRAFT.manifest, generations=(added,)),
        n_splits=1,
        earlier=number,
    )
    read = [read_receipt(first, 0, last=True, reviews=1, rejected=1)]
    shards = [shard_receipt(first, 0, "train", written=1)]
    inputs = Records.of(InputEntry, [InputEntry(path=f"{first}.jsonl", bytes=1, identity="y")])
    return complete_manifest(draft, inputs, read, shards, earlier=earlier)


def test_a_generation_adds_behind_what_was_there() -> None:
    first = complete()
    second = append(first)
    third = append(second)

    assert [s.split for s in third.subsets["train"]] == [0, 1, 2, 5]
    assert list(third.subsets["validation"]) == list(first.subsets["validation"])
    assert [entry.path for entry in third.inputs] == ["a.jsonl", "2.jsonl", "5.jsonl"]
    assert third.generations == (
        Generation(number=1, inputs=1, splits=2),
        Generation(number=2, inputs=1, splits=3),
        Generation(number=3, inputs=1, splits=3),
    )
    assert third.ledger.reviews == ReviewCounts(read=17, written=11, rejected=5, dropped=1)
    third.ledger.check()


def test_the_share_of_rejected_records_is_that_of_the_run_alone() -> None:
    strict = dataclasses.replace(DRAFT, n_splits=1, max_rejected_fraction=0.3, earlier=1)
    read = [read_receipt(2, 0, last=True, reviews=1, rejected=1)]
    shards = [shard_receipt(2, 0, "train", written=1)]

    with pytest.raises(TooManyRejectedError, match="1 of 2 records"):
        complete_manifest(strict, INPUTS, read, shards, earlier=complete())


def test_splits_of_an_earlier_generation_are_strangers() -> None:
    read = [read_receipt(split, 0, last=True, reviews=0, rejected=0) for split in (1, 2)]
    draft = dataclasses.replace(DRAFT, n_splits=1, earlier=1)

    with pytest.raises(LedgerError, match="split 1 came with parts"):
        complete_manifest(draft, INPUTS, read, [], earlier=complete())


def test_entries_beyond_the_limit_go_to_lists_that_later_generations_share() -> None:
    files: dict[str, bytes] = {}
    manifest, written = move_to_lists(complete(), "manifests", max_inline=1)
    files.update(written)
    assert [path[:-25] for path in written] == [
        "manifests/000001-train",
        "manifests/000001-validation",
    ]

    manifest = append(manifest)
    again, written = move_to_lists(manifest, "manifests", max_inline=1)
    # One new shard stays in the manifest; the inputs are two by now.
    assert [path[:-25] for path in written] == ["manifests/000002-inputs"]
    files.update(written)

    assert len(again.inline("train", again.subsets["train"])) == 1
    read = Manifest.loads(again.dumps(), files.__getitem__)
    assert read == again
    assert read.subsets == append(complete()).subsets
    assert read.inputs == append(complete()).inputs
    assert read.content_sha256() == append(complete()).content_sha256()
