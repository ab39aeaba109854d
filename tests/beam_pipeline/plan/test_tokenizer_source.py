import json
from pathlib import Path
from unittest import mock

import pytest

from beam_pipeline.plan.auto_tokenizer import answers
from beam_pipeline.plan.tokenizer_source import load_tokenizer
from tests import tokenizers_zoo
from tests.paths import ROOT
from transforms.functional.errors import TokenizerError

_SAMPLE = ROOT / "tests" / "sample" / "tokenizer"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in _SAMPLE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of one tokenizer: `answers` says for each file what asking for it gives."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    answers: dict[str, object] = {
        "config.json": EntryNotFoundError("404"),
        "added_tokens.json": EntryNotFoundError("404"),
        **{path.name: path for path in _SAMPLE.iterdir()},
    }

    def download(name: str, file: str) -> str:
        assert name == "org/model"
        if isinstance(answers[file], Exception):
            raise answers[file]
        return str(answers[file])

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return answers


def test_a_folder_a_file_and_a_url_lead_to_the_same_tokenizer():
    sources = [
        load_tokenizer(name)
        for name in (str(_SAMPLE), f"{_SAMPLE}/", f"{_SAMPLE}/tokenizer.json", f"file://{_SAMPLE}")
    ]
    assert len({source.sha256 for source in sources}) == 1
    assert sources[0].role_ids == {"cls": 2, "mask": 4, "pad": 0, "sep": 3, "unk": 1}
    assert all(source.role_ids == sources[0].role_ids for source in sources)
    assert (list(sources[0].encoder.prefix), list(sources[0].encoder.suffix)) == ([2], [3])


def test_the_manifest_entry_says_what_a_reader_needs(folder):
    entry = load_tokenizer(str(folder)).entry()
    assert entry.path == "tokenizer/tokenizer.json"
    assert entry.special_token_ids["mask"] == 4
    assert entry.vocab_size == len(
        json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]
    )


def test_a_missing_role_is_named_with_the_cure(folder):
    with pytest.raises(
        TokenizerError, match=r"no eos token, which a test needs: .*eos_token in its"
    ):
        load_tokenizer(str(folder)).need("eos", "a test")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing/here/at/all", "no tokenizer at nothing/here/at/all: pass a folder"),
        ("/nothing", "no tokenizer at /nothing: pass a folder"),
        ("memory://nothing", "no tokenizer at memory://nothing: pass a folder"),
        ("/nothing/tokenizer.json", "no tokenizer at /nothing/tokenizer.json: No such file"),
    ],
)
def test_what_is_not_there_is_one_clear_line(name, message):
    with pytest.raises(TokenizerError, match=message) as raised:
        load_tokenizer(name)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_tokenizer_is_named(folder, tmp_path):
    """Whether it is empty, or holds what stands beside one."""
    (folder / "tokenizer.json").unlink()
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (folder, empty):
        with pytest.raises(TokenizerError, match=f"{path} holds no tokenizer, neither") as raised:
            load_tokenizer(str(path))
        assert "\n" not in str(raised.value)


def test_a_folder_without_tokenizer_json_is_not_fast(folder):
    (folder / "tokenizer.json").rename(folder / "spiece.model")
    with pytest.raises(
        TokenizerError, match=r"has no tokenizer\.json, so it is not a fast tokenizer"
    ):
        load_tokenizer(str(folder))


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("tokenizer.json", b""),
        ("tokenizer.json", b"{broken"),
        ("tokenizer.json", b"[]"),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"\xff\xfe"),
        ("tokenizer_config.json", b"{broken"),
        ("special_tokens_map.json", b"[]"),
    ],
)
def test_a_broken_file_is_one_clear_line(folder, file, data):
    (folder / file).write_bytes(data)
    with pytest.raises(TokenizerError) as raised:
        load_tokenizer(str(folder))
    assert "\n" not in str(raised.value)


def test_a_hub_name_is_downloaded(hub):
    assert load_tokenizer("org/model").sha256 == load_tokenizer(str(_SAMPLE)).sha256


def test_companions_that_the_hub_does_not_have_may_be_missing(hub):
    from huggingface_hub.errors import EntryNotFoundError

    hub["special_tokens_map.json"] = EntryNotFoundError("404")
    assert sorted(load_tokenizer("org/model").files) == ["tokenizer.json", "tokenizer_config.json"]


def test_a_hub_model_with_only_a_vocabulary_is_converted(hub, tmp_path, monkeypatch):
    """Of the repository's files those are fetched that a vocabulary may lie in."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.hf_api import RepoFile, RepoFolder

    words = tokenizers_zoo.word_piece_vocabulary()
    (tmp_path / "vocab.txt").write_text(words, "utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', "utf-8")
    hub["tokenizer.json"] = hub["tokenizer_config.json"] = EntryNotFoundError("404")
    hub["config.json"] = tmp_path / "config.json"
    hub["vocab.txt"] = tmp_path / "vocab.txt"
    sizes = {"vocab.txt": len(words), "data.json": 1 << 40, "model.safetensors": 9}
    entries = [RepoFile(path=path, size=size, oid="0") for path, size in sizes.items()]
    listing = [*entries, RepoFolder(path="onnx", oid="0")]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_tree", lambda self, name: listing)
    source = load_tokenizer("org/model")
    assert source.built_by == f"{answers.library()} BertTokenizer"
    assert source.role_ids["mask"] == 4


def test_a_hub_that_cannot_be_listed_is_an_error(hub, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled

    hub["tokenizer.json"] = EntryNotFoundError("404")
    for error in (OfflineModeIsEnabled("no network"), Exception("no network")):
        monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_tree", mock.Mock(side_effect=error))
        with pytest.raises(TokenizerError, match=r"hub did not give it.*\(no network\)"):
            load_tokenizer("org/model")


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_hub_that_cannot_be_reached_is_an_error_for_the_companions_too(hub, file):
    """Else a network that fails between two files would give other ids for the same name."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    hub[file] = LocalEntryNotFoundError("no\nnetwork")
    with pytest.raises(
        TokenizerError, match=r"'org/model', and the .*hub did not give it"
    ) as raised:
        load_tokenizer("org/model")
    assert "\n" not in str(raised.value)


def test_without_a_network_the_cache_may_know_that_a_companion_does_not_exist(hub, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    hub["special_tokens_map.json"] = LocalEntryNotFoundError("no network")
    missing = huggingface_hub._CACHED_NO_EXIST
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: missing)
    assert "special_tokens_map.json" not in load_tokenizer("org/model").files


@pytest.mark.parametrize(
    ("change", "not_asked"),
    [
        ({}, ""),
        ({"normalizer": {"type": "Lowercase"}}, "BertTokenizer"),
        ({"normalizer": None}, "BertTokenizer"),
        ({"pre_tokenizer": {"type": "WhitespaceSplit"}}, "BertTokenizer"),
    ],
)
def test_without_the_library_a_file_with_other_steps_than_usual_may_be_rebuilt(
    folder, monkeypatch, change, not_asked
):
    monkeypatch.setattr(answers, "is_installed", lambda: False)
    content = json.loads((folder / "tokenizer.json").read_bytes())
    (folder / "tokenizer.json").write_text(json.dumps({**content, **change}))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    assert load_tokenizer(str(folder)).not_asked == not_asked
