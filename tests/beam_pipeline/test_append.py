"""Scheduled runs: each adds what is new, and nothing that is there ever changes."""

import json
from pathlib import Path

import pytest

from beam_pipeline.clean import main as clean
from beam_pipeline.verify import main as verify
from tests.beam_pipeline.jobs import REVIEWS, files_of, run
from transforms.functional.errors import OutputError
from transforms.storage.generations import read_manifest

LINES = REVIEWS.read_bytes().splitlines(keepends=True)


def night(folder: Path, number: int, lines: list[bytes]) -> Path:
    """Write the reviews of one night."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{number:03d}.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def append(output: Path, reviews: Path, *more: str) -> int:
    return run(output, "--append", *more, reviews=reviews)


def die_before_the_last_file(output: Path, reviews: Path) -> bytes:
    """Leave what a second night leaves that dies before `manifest.json`; return what that lacks."""
    manifest = output / "manifest.json"
    night(reviews, 0, LINES[:9])
    assert append(output, reviews) == 0
    first = manifest.read_bytes()
    night(reviews, 1, LINES[9:18])
    assert append(output, reviews) == 0
    second = manifest.read_bytes()
    manifest.write_bytes(first)
    return second


@pytest.mark.slow
@pytest.mark.parametrize("order", ["input", "shuffled"])
def test_thirty_nights(tmp_path: Path, order: str, capsys: pytest.CaptureFixture[str]) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    more = ("--validation_fraction", "0.2", "--order", order, "--max_rejected_fraction", "0.4")
    before: dict[str, bytes] = {}
    generation = 0
    for number in range(30):
        if number == 7:  # Nothing is new.
            assert append(output, reviews, *more) == 0
            assert "there already" in capsys.readouterr().out
            assert files_of(output) == before
            continue
        lines = LINES[number * 9 : (number + 1) * 9]
        bad = [b"{no json\n"] * 20 if number == 12 else []
        path = night(reviews, number, [*lines, *bad])
        if bad:  # Fails after its shards are written; the next night finishes it.
            assert append(output, reviews, *more) == 3
            assert json.loads((output / "manifest.json").read_text())["generation"] == generation
            path.write_bytes(b"".join(lines))
            capsys.readouterr()
            continue
        assert append(output, reviews, *more) == 0
        generation += 1
        now = files_of(output)
        shards = {name for name in before if name.startswith(("train/", "validation/"))}
        assert all(now[name] == before[name] for name in shards)
        earlier = {name for name in before if name.startswith("manifests/")}
        assert all(now[name] == before[name] for name in earlier)
        assert now["manifest.json"] == now[f"manifests/{generation:06d}.json"]
        before = now
    assert generation == 28
    assert verify([str(output)]) == 0
    manifest = read_manifest(str(output))
    assert [Path(entry.path).name for entry in manifest.inputs] == [
        f"{number:03d}.jsonl" for number in range(30) if number != 7
    ]
    manifest.ledger.check()
    n_records = sum(
        len((reviews / Path(entry.path).name).read_bytes().splitlines())
        for entry in manifest.inputs
    )
    assert manifest.ledger.reviews.read == n_records
    pinned = read_manifest(str(output), "manifests/000003.json")
    assert len(pinned.generations) == 3
    assert (
        list(pinned.subsets["train"])
        == list(manifest.subsets["train"])[: len(pinned.subsets["train"])]
    )


def test_one_run_over_all_gives_the_first_generation_that_a_night_gives(tmp_path: Path) -> None:
    path = night(tmp_path / "reviews", 0, LINES)

    assert append(tmp_path / "a", path) == 0
    assert run(tmp_path / "b", reviews=path) == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_names_of_labels_keep_their_numbers(tmp_path: Path) -> None:
    reviews = tmp_path / "reviews"
    reviews.mkdir()
    classify = ("--task", "classification", "--padding", "longest")
    for number, names in enumerate((["pos", "neg"], ["meh", "pos"], ["7", "neg"])):
        rows = "".join(json.dumps({"text": "a film", "label": name}) + "\n" for name in names)
        (reviews / f"{number}.jsonl").write_text(rows)
        assert append(tmp_path / "out", reviews, *classify) == 0

    numbers = read_manifest(str(tmp_path / "out")).label_numbers
    assert numbers == {"neg": 0, "pos": 1, "meh": 2, "7": 3}


def test_names_do_not_join_integer_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "reviews"
    reviews.mkdir()
    (reviews / "0.jsonl").write_text('{"text": "a film", "label": 1}\n')
    assert append(tmp_path / "out", reviews, "--task", "classification") == 0
    (reviews / "1.jsonl").write_text('{"text": "a film", "label": "good"}\n')

    assert append(tmp_path / "out", reviews, "--task", "classification") == 1
    assert "has integer labels, but the new inputs have names (good" in capsys.readouterr().err
    assert len(read_manifest(str(tmp_path / "out")).generations) == 1


def test_a_changed_input_is_refused_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    first = night(reviews, 0, LINES[:9])
    second = night(reviews, 1, LINES[9:18])
    assert append(output, reviews) == 0
    before = files_of(output)
    second.unlink()
    night(reviews, 2, LINES[18:27])

    assert append(output, reviews) == 1
    assert f"{second} has vanished since it was added: " in capsys.readouterr().err
    first.write_bytes(b"".join(LINES[:8]))
    assert append(output, reviews) == 1
    error = capsys.readouterr().err
    assert f"{first} has changed since it was added; {second} has vanished" in error
    assert "pass --ignore_changed and --ignore_vanished" in error
    assert append(output, reviews, "--ignore_changed") == 1
    error = capsys.readouterr().err
    assert "pass --ignore_vanished" in error
    assert "has changed" not in error
    assert files_of(output) == before

    assert append(output, reviews, "--ignore_changed", "--ignore_vanished") == 0
    lines = capsys.readouterr().out.splitlines()
    kept = "1 file since they were added; what was made of them stays"
    assert f"  changed     {kept}: {first}" in lines
    assert f"  vanished    {kept}: {second}" in lines
    manifest = read_manifest(str(output))
    assert [Path(entry.path).name for entry in manifest.inputs] == [
        "000.jsonl",
        "001.jsonl",
        "002.jsonl",
    ]
    after = files_of(output)
    kept = before.keys() - {"manifest.json", "README.md"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_last_nights_folder_is_not_missed_where_tonights_is_the_input(tmp_path: Path) -> None:
    output = tmp_path / "out"
    for number in range(3):
        night(tmp_path / f"night-{number}", number, LINES[number * 9 : number * 9 + 9])
        assert append(output, tmp_path / f"night-{number}") == 0

    assert len(read_manifest(str(output)).generations) == 3


def test_new_inputs_without_append_are_refused_with_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = tmp_path / "reviews"
    night(reviews, 0, LINES[:9])
    assert run(tmp_path / "out", reviews=reviews) == 0
    night(reviews, 1, LINES[9:18])

    assert run(tmp_path / "out", reviews=reviews) == 1
    assert "pass --append to add those that are new" in capsys.readouterr().err


def test_a_run_that_died_before_the_last_file_is_brought_to_its_end(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    second = die_before_the_last_file(output, reviews)
    assert append(output, reviews) == 0
    assert (output / "manifest.json").read_bytes() == second


def test_a_lost_manifest_is_written_again_from_the_newest_generation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    die_before_the_last_file(output, reviews)
    assert append(output, reviews) == 0
    before = files_of(output)
    (output / "manifest.json").unlink()
    night(reviews, 2, LINES[18:27])
    assert append(output, reviews) == 0
    assert len(read_manifest(str(output)).generations) == 3
    after = files_of(output)
    kept = [name for name in before if name.startswith(("train/", "manifests/"))]
    assert len(kept) == 4
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}

    # Where shards are lost as well, nobody knows what the dataset was: nothing is touched.
    (output / "manifest.json").unlink()
    next(output.glob("train/000001/*.arrow")).unlink()
    left = files_of(output)
    capsys.readouterr()
    assert append(output, reviews) == OutputError.exit_code
    assert "which it names: put them back" in capsys.readouterr().err
    assert files_of(output) == left


def test_duplicates_of_earlier_generations_are_left_out(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    night(reviews, 0, LINES[:9])
    assert append(output, reviews, "--dedup", "exact") == 0
    night(reviews, 1, LINES[3:12])
    assert append(output, reviews, "--dedup", "exact") == 0

    assert read_manifest(str(output)).ledger.reviews.duplicates == 6


def test_named_labels_are_compared_with_earlier_and_excluded_reviews(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    reviews.mkdir()
    (tmp_path / "other.txt").write_text("no film at all\n")
    texts = ["a film", "a fine film", "no film at all", "a film"]
    for number, (text, name) in enumerate(zip(texts, ("pos", "neg", "meh", "neg"), strict=True)):
        (reviews / f"{number}.jsonl").write_text(json.dumps({"text": text, "label": name}))
        options = ("--task", "classification", "--dedup", "exact", "--exclude")
        assert append(output, reviews, *options, str(tmp_path / "other.txt")) == 0

    counts = read_manifest(str(output)).ledger.reviews
    assert (counts.read, counts.written, counts.duplicates, counts.excluded) == (4, 2, 1, 1)


@pytest.mark.parametrize("spelling", ["{}/", "{}/../reviews", "{}//"])
def test_another_spelling_of_a_path_is_no_new_input(tmp_path: Path, spelling: str) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    night(reviews, 0, LINES[:9])
    assert append(output, reviews) == 0

    assert run(output, "--append", "--input", spelling.format(reviews), reviews=reviews) == 0
    assert len(read_manifest(str(output)).generations) == 1


def test_clean_leaves_a_generation_whose_run_died_before_the_last_file(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    die_before_the_last_file(output, reviews)

    assert clean([str(output)]) == 0
    assert append(output, reviews) == 0
    assert verify([str(output)]) == 0


def test_clean_removes_the_rejected_records_of_a_failed_generation_alone(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    night(reviews, 0, [*LINES[:9], b"no review\n"])
    assert append(output, reviews, "--max_rejected_fraction", "0.4") == 0
    kept = [path.name for path in (output / "rejected").rglob("*.jsonl")]
    assert len(kept) == 1
    left = output / "rejected" / "000002/0000009-0000.jsonl"
    left.parent.mkdir()
    left.write_text("{}\n")

    assert clean([str(output)]) == 0
    assert [path.name for path in (output / "rejected").rglob("*.jsonl")] == kept


def test_a_changed_input_that_new_ones_are_compared_with_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    first = night(reviews, 0, LINES[:9])
    assert append(output, reviews, "--dedup", "exact") == 0
    first.write_bytes(b"".join(LINES[:8]))
    night(reviews, 1, LINES[9:18])

    assert append(output, reviews, "--dedup", "exact", "--ignore_changed") == 1
    error = capsys.readouterr().err
    assert f"{first} has changed since it was added" in error
    assert "--dedup exact reads it again" in error


def test_a_night_without_a_review_is_a_generation(tmp_path: Path) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    night(reviews, 0, [])
    assert append(output, reviews) == 0
    night(reviews, 1, LINES[:9])
    assert append(output, reviews) == 0

    assert len(read_manifest(str(output)).generations) == 2
    assert verify([str(output)]) == 0


def test_append_and_overwrite_exclude_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert append(tmp_path / "out", REVIEWS, "--overwrite") == 2
    assert "--append and --overwrite exclude each other" in capsys.readouterr().err
    assert run(tmp_path / "out", "--ignore_changed") == 2
    assert "--ignore_changed goes with --append" in capsys.readouterr().err
    assert run(tmp_path / "out", "--ignore_vanished") == 2
    assert "--ignore_vanished goes with --append" in capsys.readouterr().err


def test_a_night_without_anything_new_shows_no_old_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    night(reviews, 0, LINES[:9])
    assert append(output, reviews) == 0
    assert " read = " in capsys.readouterr().out

    assert append(output, reviews) == 0
    said = capsys.readouterr().out
    assert f"Nothing new: {output} is there already, with 1 input file in 1 generation" in said
    assert " read = " not in said


def test_an_empty_folder_is_nothing_new_and_one_that_is_not_there_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, output = tmp_path / "reviews", tmp_path / "out"
    reviews.mkdir()
    for pattern in (reviews, reviews / "*.jsonl"):
        assert append(output, pattern) == 0
        said = capsys.readouterr().out
        assert f"Nothing new: --input holds no file yet, and {output} no dataset" in said
    assert not (output / "manifest.json").exists()
    assert append(output, tmp_path / "review") == 2
    assert append(output, tmp_path / "review" / "*.jsonl") == 2

    night(reviews, 0, LINES[:9])
    assert append(output, reviews) == 0
    (tmp_path / "tonight").mkdir()
    before = files_of(output)
    assert append(output, tmp_path / "tonight") == 0
    assert files_of(output) == before
