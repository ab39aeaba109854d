"""Whole jobs on bad input: one line, the right exit code, no manifest, nothing lost."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Regex, pre_tokenizers

from beam_pipeline.__main__ import main
from tests.paths import ROOT
from tests.transforms.functional.readers.files import arrow_stream, parquet_file

pytestmark = pytest.mark.draws_report

_TOKENIZER = str(ROOT / "tests" / "sample" / "tokenizer")


def _run(folder: Path, *arguments: str, task: str = "mlm") -> int:
    """Run the job on `folder/in`, locally and in this process."""
    needed = ["--input", f"{folder}/in", "--output", f"{folder}/out", "--tokenizer", _TOKENIZER]
    local = ["--direct_running_mode", "in_memory"]
    return main([*needed, "--task", task, "--max_length", "16", *local, *arguments])


def _inputs(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        path = folder / "in" / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _one_line(capfd: pytest.CaptureFixture[str]) -> str:
    err = capfd.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    return err


_TEXT = b"A fine film, and a long one.\n" * 40


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ({"a_jsonl": b'{"review": "a"}\n'}, 2, "a.jsonl: no column 'text'"),
        ({"a_parquet": parquet_file(pa.table({"text": [1]}))}, 2, "holds int64, not text"),
        ({"a_parquet": parquet_file(pa.table({"text": ["a"]}))[:-9]}, 1, "a.parquet: not readable"),
        (
            {"a_txt": _TEXT, "b_txt_gz": gzip.compress(_TEXT)[:-9]},
            1,
            "b.txt.gz: not readable as gzip",
        ),
        (
            {"a_txt": _TEXT, "b_arrow": arrow_stream(pa.table({"text": ["a"] * 9}), 3)[:-8]},
            1,
            "b.arrow: not readable as arrow",
        ),
        (
            {"a_txt": _TEXT, "b_csv": b'text\n"never closed\n'},
            1,
            "b.csv: not readable as delimited",
        ),
        ({"a_txt": _TEXT, "b_csv": b"review\na\n"}, 2, "b.csv: no column 'text'"),
        ({"a_bin": b"x"}, 2, "cannot tell the format"),
    ],
    ids=lambda value: "" if isinstance(value, dict | int) else value,
)
def test_what_cannot_be_read_stops_the_job_with_one_line(tmp_path, capfd, files, code, message):
    _inputs(tmp_path, **files)
    assert _run(tmp_path) == code
    assert message in _one_line(capfd)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_no_input_is_wrong_usage(tmp_path, capfd):
    assert _run(tmp_path) == 2
    assert "no input matches" in _one_line(capfd)


def test_an_output_that_is_a_file_is_one_line(tmp_path, capfd):
    _inputs(tmp_path, a_txt=_TEXT)
    (tmp_path / "out").write_text("in the way")
    assert _run(tmp_path) == 1
    assert f"cannot write {tmp_path}/out/" in _one_line(capfd)
    assert (tmp_path / "out").read_text() == "in the way"


_BAD_LINES = b'{"text": "good"}\n{"text": null}\n{broken\n\n{"text": "\xff"}\n{"text": "fine"}\n'


def test_rejected_records_are_written_down_and_counted(tmp_path, capfd):
    _inputs(tmp_path, a_jsonl=_BAD_LINES)
    assert _run(tmp_path, "--max_rejected_fraction", "0.6", "--remainder", "pad") == 0
    ledger = json.loads((tmp_path / "out" / "manifest.json").read_text())["ledger"]["reviews"]
    assert {name: count for name, count in ledger.items() if count} == {
        "read": 5,
        "written": 2,
        "rejected": 3,
    }
    lines = [
        json.loads(line)
        for path in (tmp_path / "out" / "rejected").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert [(line["file"], line["record"], line["reason"].split(":")[0]) for line in lines] == [
        (f"{tmp_path}/in/a.jsonl", 17, "text is null"),
        (f"{tmp_path}/in/a.jsonl", 32, "not JSON"),
        (f"{tmp_path}/in/a.jsonl", 41, "not UTF-8"),
    ]
    assert capfd.readouterr().err == ""


def test_too_many_rejected_records_are_exit_code_3_after_they_were_written_down(tmp_path, capfd):
    _inputs(tmp_path, a_jsonl=_BAD_LINES)
    assert _run(tmp_path) == 3
    assert "3 of 5 records were rejected (60.00%)" in _one_line(capfd)
    assert not (tmp_path / "out" / "manifest.json").exists()
    written = [path.read_text() for path in (tmp_path / "out" / "rejected").rglob("*.jsonl")]
    assert sum(text.count("\n") for text in written) == 3


def test_malformed_records_of_a_csv_file_are_counted_like_others(tmp_path, capfd):
    """Each of them, whatever stands around it: the ledger balances."""
    rows = b'good,1\n"a "b" c",2\nfine,3\nshort\n' * 25
    _inputs(tmp_path, a_csv=b"text,n\n" + rows)
    assert _run(tmp_path, "--max_rejected_fraction", "0.5") == 0
    ledger = json.loads((tmp_path / "out" / "manifest.json").read_text())["ledger"]["reviews"]
    assert (ledger["read"], ledger["rejected"]) == (100, 50)
    (rejected,) = (tmp_path / "out" / "rejected").rglob("*.jsonl")
    reasons = [json.loads(line)["reason"] for line in rejected.read_text().splitlines()]
    assert Counter(reason.split(":")[0] for reason in reasons) == {
        "no delimited text": 25,
        "1 fields, but the header has 2": 25,
    }
    assert _run(tmp_path, "--overwrite") == 3
    assert "50 of 100 records were rejected" in _one_line(capfd)


def test_labels_that_are_names_are_mapped_over_all_files_and_the_mapping_is_kept(tmp_path):
    lines = [b'{"text": "good", "label": "pos"}\n', b'{"text": "bad", "label": "neg"}\n']
    _inputs(tmp_path, a_jsonl=lines[0], b_jsonl=lines[1], c_csv=b"text,label\nmeh,mixed\n")
    assert _run(tmp_path, task="classification") == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["label_numbers"] == {"mixed": 0, "neg": 1, "pos": 2}
    (shard,) = (tmp_path / "out/train/000001").iterdir()
    assert pa.ipc.open_file(shard).read_all()["labels"].to_pylist() == [2, 1, 0]


def test_labels_from_folders_leave_other_files_out_and_say_how_many(tmp_path, capfd):
    _inputs(tmp_path, pos__a_txt=b"good", neg__a_txt=b"bad", unsup__a_txt=b"so", notes_txt=b"x")
    assert (
        _run(tmp_path, "--label_from_path", "--sample_by", "document", task="classification") == 0
    )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["label_numbers"] == {"neg": 0, "pos": 1, "unsup": -1}
    (shard,) = (tmp_path / "out/train/000001").iterdir()
    assert pa.ipc.open_file(shard).read_all()["labels"].to_pylist() == [0, 1]
    assert "1 file in no class folder" in capfd.readouterr().out


def test_rejected_records_are_an_input_once_they_are_mended(tmp_path, capfd):
    _inputs(tmp_path, a_jsonl=_BAD_LINES)
    assert _run(tmp_path, "--max_rejected_fraction", "0.6", "--remainder", "pad") == 0
    (rejected,) = (tmp_path / "out" / "rejected").rglob("*.jsonl")
    lines = [json.loads(line) for line in rejected.read_text().splitlines()]
    lines[0]["text"], lines[1]["text"] = "A corrected review.", "Another one."
    corrected = "".join(json.dumps(line) + "\n" for line in lines)
    rejected.write_text(corrected)
    options = ("--input", str(rejected), "--remainder", "pad", "--max_rejected_fraction", "0.5")
    more = ("--tokenizer", _TOKENIZER, "--task", "mlm", "--max_length", "16")
    local = ("--direct_running_mode", "in_memory")
    assert main([*options, "--output", str(tmp_path / "out"), *more, *local]) == 2
    assert "choose another --output" in _one_line(capfd)
    assert main([*options, "--output", str(tmp_path / "out2"), *more, *local]) == 0
    ledger = json.loads((tmp_path / "out2" / "manifest.json").read_text())["ledger"]["reviews"]
    assert (ledger["read"], ledger["written"], ledger["rejected"]) == (3, 2, 1)
    (again,) = (tmp_path / "out2" / "rejected").rglob("*.jsonl")
    found = json.loads(again.read_text())
    assert found["reason"] == "text is null"
    assert json.loads(found["raw"])["reason"].startswith("not UTF-8")


def test_a_text_that_the_tokenizer_gives_up_on_is_a_rejected_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = pre_tokenizers.Split(Regex(r"(\s|\s\s)+(?<=x)"), "isolated")
    slow = json.loads(split.__getstate__())
    document = json.loads((Path(_TOKENIZER) / "tokenizer.json").read_text())
    before = {"type": "Sequence", "pretokenizers": [slow, document["pre_tokenizer"]]}
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(json.dumps({**document, "pre_tokenizer": before, "normalizer": None}))
    blanks = b"a" + b" " * 60 + b"a\n"
    _inputs(tmp_path, a_txt=_TEXT + blanks + _TEXT, b_txt=blanks * 2)
    options = ("--tokenizer", str(tokenizer), "--max_rejected_fraction", "0.1")

    assert _run(tmp_path, *options, "--dry_run") == 0
    assert "rejected    3.61 % of the records" in capsys.readouterr().out
    # A file full of them is left out as a whole, as for any other reason.
    assert _run(tmp_path, *options, "--bad_files", "quarantine") == 0
    (rejected,) = (tmp_path / "out/rejected").rglob("*.jsonl")
    record = json.loads(rejected.read_text())
    assert record["file"].endswith("/a.txt")
    assert record["record"] == len(_TEXT)
    assert record["reason"].startswith("the tokenizer gives up on the text: ")
    assert record["raw"] == blanks.decode().strip()
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    reviews = manifest["ledger"]["reviews"]
    assert (reviews["read"], reviews["rejected"]) == (81, 1)
    assert [file["rejected"] for file in manifest["quarantined"]] == [2]
