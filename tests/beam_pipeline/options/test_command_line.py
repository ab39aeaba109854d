"""The command line: what is wrong is one line and exit code 2."""

import dataclasses

import pytest

from beam_pipeline.__main__ import main
from beam_pipeline.options.command_line import parse_options
from beam_pipeline.options.config import JobConfig
from transforms.functional.errors import UsageError

_NEEDED = ["--input", "in", "--output", "out", "--tokenizer", "t", "--task", "mlm"]
_CLASSES = [*_NEEDED[:-1], "classification"]


def test_the_least_command_line_has_the_documented_defaults():
    config, rest = parse_options(_NEEDED)
    assert config == JobConfig(input=("in",), output="out", tokenizer="t", task="mlm")
    assert rest == []
    defaults = dataclasses.asdict(config)
    assert (defaults["max_length"], defaults["part_bytes"]) == (512, 33554432)


def test_every_option_reaches_the_configuration():
    line = (
        "--input more --max_length=64 --overflow windows --stride 8 --padding longest "
        "--label_column stars --validation_fraction 0.1 --seed 7 --order shuffled "
        "--format parquet --overwrite --dry_run"
    )
    config, _ = parse_options([*_CLASSES, *line.split()])
    expected = JobConfig(
        input=("in", "more"), output="out", tokenizer="t", task="classification", max_length=64,
        overflow="windows", stride=8, padding="longest", label_column="stars",
        validation_fraction=0.1, seed=7, order="shuffled", format="parquet", overwrite=True,
        dry_run=True,
    )  # fmt: skip
    assert config == expected


@pytest.mark.parametrize(
    ("flags", "overwrite"),
    [
        ([], False),
        (["--overwrite"], True),
        (["--overwrite=in_place"], "in_place"),
        (["--overwrite", "in_place", "--quiet"], "in_place"),
        (["--overwrite", "--no_overwrite"], False),
    ],
)
def test_overwrite_is_a_flag_that_may_say_how(flags, overwrite):
    config, _ = parse_options([*_NEEDED, *flags])
    assert config.overwrite == overwrite


@pytest.mark.parametrize(
    "beam",
    [
        ["--direct_num_workers", "2"],
        ["--direct_num_workers=2", "--direct_running_mode=multi_processing"],
        ["--runner", "FlinkRunner", "--flink_master=localhost:8081", "--parallelism", "4"],
        ["--job_name", "nightly", "--save_main_session"],
    ],
)
def test_options_of_beam_are_passed_on(beam):
    config, rest = parse_options([*_NEEDED[:4], *beam, *_NEEDED[4:]])
    assert rest == beam
    assert config.output == "out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [*_NEEDED, "--max_lenght", "64"],
            "unknown argument '--max_lenght': did you mean --max_length?",
        ),
        (
            [*_NEEDED, "--max-length=64"],
            "unknown argument '--max-length=64': did you mean --max_length?",
        ),
        ([*_NEEDED, "--max_len", "64"], "unknown argument '--max_len': did you mean --max_length?"),
        ([*_NEEDED, "--direct_num_worker", "2"], "did you mean --direct_num_workers?"),
        ([*_NEEDED, "--runnr=DirectRunner"], "did you mean --runner?"),
        ([*_NEEDED, "--qzxj"], "unknown argument '--qzxj': see --help"),
        ([*_NEEDED, "-x"], "unknown argument '-x'"),
        ([*_NEEDED, "stray.txt"], "unknown argument 'stray.txt'"),
        (_NEEDED[2:], "the following arguments are required: --input"),
        (_NEEDED[:-2], "the following arguments are required: --task"),
        ([], "the following arguments are required: --input, --output, --tokenizer, --task"),
        ([*_NEEDED, "--max_length"], "--max_length: expected one argument"),
        ([*_NEEDED, "--max_length", "many"], "--max_length: invalid int value: 'many'"),
        ([*_NEEDED, "--max_length", "512.0"], "--max_length: invalid int value: '512.0'"),
        ([*_NEEDED, "--task", "translation"], "--task: invalid choice: 'translation'"),
        ([*_NEEDED, "--overwrite=no"], "--overwrite: invalid choice: 'no'"),
        ([*_NEEDED, "--direct_num_workers", "two"], "--direct_num_workers: invalid int value"),
        ([*_NEEDED, "--direct_running_mode", "fast"], "--direct_running_mode: invalid choice"),
        ([*_NEEDED, "--max_length", "0"], "--max_length must be from 1 to 1048576, got 0"),
        ([*_NEEDED, "--validation_fraction", "1"], "--validation_fraction must be at least 0"),
        ([*_NEEDED, "--padding", "longest"], "--padding longest goes with --task classification"),
        ([*_CLASSES, "--remainder", "pad"], "--remainder pad goes with --task mlm"),
        ([*_NEEDED, "--output", ""], "--output is empty"),
        ([*_NEEDED, "--input="], "--input is empty"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, message, capfd):
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert err.endswith("\n")


def test_help_names_every_option_and_exits_0(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{field.name}" in text for field in dataclasses.fields(JobConfig))


def test_debug_shows_the_traceback_before_the_line(capsys):
    assert main(["--debug"]) == UsageError.exit_code
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.splitlines()[-1].startswith("error: ")


def test_options_that_only_the_engines_job_server_knows_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def described(endpoint: str) -> frozenset[str]:
        asked.append(endpoint)
        return frozenset({"storage_level", "job_endpoint"})

    monkeypatch.setattr("beam_pipeline.engines.remote_engines.described_options", described)
    there = ("--job_endpoint", "localhost:8199")

    _, beam = parse_options([*_NEEDED, *there, "--storage_level", "DISK_ONLY"])

    assert beam[-2:] == ["--storage_level", "DISK_ONLY"]
    assert asked == ["localhost:8199"]
    with pytest.raises(UsageError, match="unknown argument '--storage_levle'"):
        parse_options([*_NEEDED, *there, "--storage_levle", "DISK_ONLY"])
    with pytest.raises(UsageError, match="unknown argument '--storage_level'"):
        parse_options([*_NEEDED, "--storage_level", "DISK_ONLY"])
