"""A configuration file says what flags say, flags win, and a dataset keeps its own."""

from pathlib import Path

import pytest
import yaml

from beam_pipeline.__main__ import main
from beam_pipeline.options.command_line import parse_options
from beam_pipeline.options.config_file import config_text
from tests.beam_pipeline.jobs import files_of, run
from transforms.functional.errors import UsageError

NEEDED = {"input": "in", "output": "out", "tokenizer": "t", "task": "mlm"}


def _file(folder: Path, **options: object) -> str:
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(NEEDED | options))
    return str(path)


def test_names_and_values_are_those_of_the_flags(tmp_path: Path) -> None:
    path = _file(tmp_path, input=["a", "b"], max_length=64, mlm_probability=1, masking="static")
    config, rest = parse_options(["--config", path])
    flags = "--input a --input b --output out --tokenizer t --task mlm --max_length 64"
    assert config == parse_options([*flags.split(), "--mlm_probability=1", "--masking=static"])[0]
    assert rest == []


def test_flags_win(tmp_path: Path) -> None:
    path = _file(tmp_path, max_length=64, overwrite=True, runner="FlinkRunner", parallelism=4)
    flags = ["--input", "mine", "--max_length", "32", "--no_overwrite", "--runner=SparkRunner"]
    config, rest = parse_options(["--config", path, *flags])
    assert (config.input, config.max_length, config.overwrite) == (("mine",), 32, False)
    assert rest == ["--parallelism=4", "--runner=SparkRunner"]


def test_options_of_beam_stand_in_it_too(tmp_path: Path) -> None:
    options = {"experiments": ["a", "b"], "save_main_session": True, "direct_num_workers": 2}
    _, rest = parse_options(["--config", _file(tmp_path, **options)])
    assert rest == [
        "--direct_num_workers=2", "--experiments=a", "--experiments=b", "--save_main_session",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_lenght": 64}, "unknown key 'max_lenght': did you mean max_length?"),
        ({"max-length": 64}, "unknown key 'max-length': did you mean max_length?"),
        ({"runnr": "x"}, "unknown key 'runnr': did you mean runner?"),
        ({"qzxjv": 1}, "unknown key 'qzxjv': --help names all options"),
        ({"max_length": "64"}, "max_length must be a whole number, got '64'"),
        ({"max_length": 64.0}, "max_length must be a whole number, got 64.0"),
        ({"max_length": True}, "max_length must be a whole number, got true"),
        ({"mlm_probability": "1e-3"}, "mlm_probability must be a number, as 0.15, got 1e-3"),
        ({"overwrite": "yes"}, "overwrite must be true, false or in_place, got 'yes'"),
        ({"overwrite": 1}, "overwrite must be true, false or in_place, got 1"),
        ({"quiet": "yes"}, "quiet must be true or false, got 'yes'"),
        ({"text_column": False}, "text_column must be text (put it in quotes), got false"),
        ({"input": [1]}, "input must be text, or a list of texts, got [1]"),
        ({"task": "nsp"}, "task must be one of mlm, classification, got nsp"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_the_cure(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = _file(tmp_path, **options)
    with pytest.raises(UsageError) as raised:
        parse_options(["--config", path])
    assert str(raised.value) == f"--config {path}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file"),
        ("a: [", "is not YAML"),
        ("task: mlm\nseed: 1\ntask: mlm\n", r"is not YAML: task twice .*line 3"),
        ("- input", "holds no options"),
        ("", "holds no options"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "job.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        parse_options(["--config", str(path)])


def test_what_is_missing_in_both_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("input: a\ntask: mlm\n")
    with pytest.raises(UsageError, match="required: --output, --tokenizer"):
        parse_options(["--config", str(path)])


def test_secrets_are_kept_nowhere() -> None:
    flags = [f"--{name}={value}" for name, value in NEEDED.items() if name != "input"]
    url = "https://me:secret1@host/a.csv?X-Amz-Signature=secret2"
    beam = ["--s3_secret_access_key=secret3", "--s3_session_token", "secret4"]
    config, rest = parse_options(["--input", url, *flags, *beam])
    for one_line in (False, True):
        text = config_text(config, rest, one_line=one_line)
        assert "secret1" not in text
        assert not [secret for secret in ("secret2", "secret3", "secret4") if secret in text]
        assert yaml.safe_load(text)["s3_session_token"] == "***"


def test_a_dataset_keeps_the_configuration_that_makes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(output, "--seed", "7", "--validation_fraction", "0.5") == 0
    out = capsys.readouterr().out
    assert "seed: 7" in out.split("Done")[0].replace("\n ", "")
    kept = output / "config.yaml"
    text = kept.read_text()
    assert yaml.safe_load(text)["direct_running_mode"] == "in_memory"
    again = tmp_path / "again"
    assert main(["--config", str(kept), "--output", str(again)]) == 0
    assert files_of(again) == files_of(output)
    assert (again / "config.yaml").read_text() == text.replace(str(output), str(again))
    assert main(["--config", str(kept)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_quiet_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "out", "--quiet") == 0
    assert capfd.readouterr() == ("", "")
