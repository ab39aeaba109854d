"""The tokenizer of a job is that of AutoTokenizer, in every family."""

from __future__ import annotations

import io
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sentencepiece
from tokenizers import Tokenizer, models

from beam_pipeline.plan.auto_tokenizer import __main__ as program, answers
from beam_pipeline.plan.auto_tokenizer.answers import ask_library_in_a_process
from beam_pipeline.plan.tokenizer_source import (
    TokenizerSource,
    load_dataset_tokenizer,
    load_tokenizer,
)
from tests import oracle, tokenizers_zoo
from tests.families import FAMILIES, TEXTS
from transforms.functional.errors import TokenizerError
from transforms.functional.rows.packing import add_template
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer


def ids_of(source: TokenizerSource, texts: list[str]) -> list[list[int]]:
    encode = ReviewTokenizer(source.files["tokenizer.json"]).encode
    tokens, _ = add_template(encode(pa.array(texts, pa.large_string())), source.template)
    return [ids.tolist() for ids, _ in tokens]


def written(source: TokenizerSource, folder: Path) -> Path:
    folder.mkdir()
    for name, data in source.files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", FAMILIES)
def test_the_ids_are_those_of_auto_tokenizer_before_and_after_the_job(
    tmp_path: Path, name: str
) -> None:
    family = FAMILIES[name]
    folder = family.write(tmp_path / "published")
    source = load_tokenizer(str(folder))
    kept = written(source, tmp_path / "kept")

    texts = [*oracle.sample_texts()[:40], *TEXTS]
    theirs, afterwards = oracle.auto_tokenizer(folder), oracle.auto_tokenizer(kept)
    expected = theirs(texts)["input_ids"]
    assert ids_of(source, texts) == expected
    assert afterwards(texts)["input_ids"] == expected
    assert (source.built_by is not None) == family.rebuilt
    assert source.entry().built_by == source.built_by
    # Roles, sides and lengths too, and what the dataset keeps says all of them by itself.
    assert load_dataset_tokenizer(str(kept)).special == source.special
    assert load_tokenizer(str(kept)).files == source.files
    assert source.model_max_length == family.config.get("model_max_length")
    assert source.encoder.vocab_size == len(theirs)
    for role, token in theirs.special_tokens_map.items():
        if role in ("pad_token", "mask_token", "cls_token", "sep_token"):
            assert source.role_ids[role.removesuffix("_token")] == (
                theirs.convert_tokens_to_ids(token)
            )
    for tokenizer in (source.special, afterwards):
        assert tokenizer.padding_side == theirs.padding_side
        assert tokenizer.truncation_side == theirs.truncation_side


def test_a_file_of_most_of_these_families_has_other_ids_as_it_lies(tmp_path: Path) -> None:
    """The test above would else show nothing."""
    differing = []
    for name, family in FAMILIES.items():
        theirs = oracle.auto_tokenizer(family.write(tmp_path / name))
        ours = Tokenizer.from_str(family.tokenizer())
        ours.no_truncation()
        ours.no_padding()
        expected = theirs(list(TEXTS))["input_ids"]
        if [encoding.ids for encoding in ours.encode_batch(list(TEXTS))] != expected:
            differing.append(name)
    assert {"t5", "bert-cased", "bert-digits", "gpt2-nfc", "roberta-digits"} <= set(differing)
    assert not {"bert", "generic"} & set(differing)


def test_scores_are_read_back_as_they_were() -> None:
    vocabulary = [("<unk>", 0.0), *((f"a{n}", -2 - n / 333.3) for n in range(3000))]
    content = json.loads(FAMILIES["t5"].tokenizer())
    content["model"]["vocab"] = vocabulary
    content["model"]["unk_id"] = 0
    content["post_processor"] = None
    content["added_tokens"] = []
    exact = [score for _, score in vocabulary]
    backend = Tokenizer.from_str(json.dumps(content))
    backend.model = models.Unigram(vocabulary, 0, False)
    as_written = Tokenizer.from_str(backend.to_str())
    assert program.scores_of(backend) == exact
    n_wrong = sum(a != b for a, b in zip(program.scores_of(as_written), exact, strict=True))

    saved = program.scores_of(Tokenizer.from_str(program.text_of(backend)))

    n_left = sum(a != b for a, b in zip(saved, exact, strict=True))
    assert n_wrong > 100
    assert n_left < 10
    assert saved == pytest.approx(exact, rel=3e-16)


# --- where there is no tokenizer.json ---


def vocabulary_folder(folder: Path, **files: Any) -> Path:
    (folder / "vocab.txt").write_text(tokenizers_zoo.word_piece_vocabulary(), "utf-8")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.mark.parametrize(
    "files", [{"tokenizer_config": {"do_lower_case": False, "tokenizer_class": "BertTokenizer"}},
              {"config": {"model_type": "bert"}}],
)  # fmt: skip
def test_a_folder_with_only_a_vocabulary_is_converted(tmp_path: Path, files: Any) -> None:
    folder = vocabulary_folder(tmp_path, **files)
    source = load_tokenizer(str(folder))
    assert source.built_by == f"{answers.library()} BertTokenizer"
    assert ids_of(source, list(TEXTS)) == oracle.auto_tokenizer(folder)(list(TEXTS))["input_ids"]


def test_a_vocabulary_without_a_class_is_told_to_name_one(tmp_path: Path) -> None:
    folder = vocabulary_folder(tmp_path)
    with pytest.raises(
        TokenizerError, match=r"makes none of vocab\.txt: name its class in tok"
    ) as e:
        load_tokenizer(str(folder))
    assert "\n" not in str(e.value)
    # The cure is true.
    config = {"tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    assert load_tokenizer(str(folder)).role_ids["mask"] == 4


# As published folders hold them: a model alone, with a class or the model's type.
SENTENCEPIECE = {
    "t5": ("unigram", "spiece.model", {"model_type": "t5"}),
    "albert": ("unigram", "spiece.model", {"tokenizer_class": "AlbertTokenizer"}),
    "xlm-r": ("unigram", "sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizer"}),
    "deberta-v2": ("unigram", "spm.model", {"model_type": "deberta-v2"}),
    "t5-bpe": ("bpe", "spiece.model", {"tokenizer_class": "T5Tokenizer"}),
    "llama": ("bpe", "tokenizer.model", {"tokenizer_class": "LlamaTokenizer"}),
    "mistral": ("bpe", "tokenizer.model", {"model_type": "mistral"}),
}


@cache
def sentencepiece_model(kind: str) -> bytes:
    """Return a small model, of BPE with bytes for what it does not know, as Llama's."""
    options: dict[str, Any] = {"byte_fallback": True, "split_digits": True}
    if kind == "unigram":  # Pieces that ALBERT's class asks for.
        options = {"control_symbols": ["[CLS]", "[SEP]"], "user_defined_symbols": ["[MASK]"]}
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(oracle.sample_texts()), model_writer=model, model_type=kind,
        vocab_size=800, minloglevel=2, **options,
    )  # fmt: skip
    return model.getvalue()


@pytest.mark.parametrize("name", SENTENCEPIECE)
def test_a_folder_with_only_a_sentencepiece_model_is_converted(tmp_path: Path, name: str) -> None:
    kind, file, named = SENTENCEPIECE[name]
    published = tmp_path / "published"
    published.mkdir()
    (published / file).write_bytes(sentencepiece_model(kind))
    config = "config.json" if "model_type" in named else "tokenizer_config.json"
    (published / config).write_text(json.dumps(named), "utf-8")
    source = load_tokenizer(str(published))
    assert (source.built_by or "").startswith(f"{answers.library()} ")

    texts = [*oracle.sample_texts()[:40], *TEXTS]
    expected = oracle.auto_tokenizer(published)(texts)["input_ids"]
    kept = oracle.auto_tokenizer(written(source, tmp_path / "kept"))
    assert ids_of(source, texts) == kept(texts)["input_ids"] == expected


def test_a_sentencepiece_model_without_a_class_is_told_to_name_one(tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(sentencepiece_model("unigram"))
    cure = r'makes none of spiece\.model: name its class in .* \{"tokenizer_class": "T5Tokenizer"\}'
    with pytest.raises(TokenizerError, match=cure):
        load_tokenizer(str(tmp_path))
    # The cure is true.
    config = {"tokenizer_class": "T5Tokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    assert load_tokenizer(str(tmp_path)).role_ids["eos"] == 2


def test_a_sentencepiece_model_is_told_what_its_conversion_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library warns of the cause, goes on, and fails at something else."""
    for module in ("sentencepiece", "sentencepiece.sentencepiece_model_pb2"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "spiece.model").write_bytes(b"\x0a\x00")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer"}')
    with pytest.raises(
        TokenizerError, match=r"of spiece\.model, .*: install sentencepiece and .*Could not extract"
    ) as raised:
        load_tokenizer(str(tmp_path))
    assert "\n" not in str(raised.value)


def test_a_class_that_takes_no_such_file_has_no_cure_but_another(tmp_path: Path) -> None:
    """Neither what is installed nor a name of a class would help."""
    (tmp_path / "spiece.model").write_bytes(sentencepiece_model("unigram"))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}')
    with pytest.raises(TokenizerError, match=r"none of spiece\.model, .*json: choose another \("):
        load_tokenizer(str(tmp_path))


def test_without_the_library_a_vocabulary_cannot_be_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "is_installed", lambda: False)
    with pytest.raises(
        TokenizerError, match=r"one of vocab\.txt, is not installed: install it, or"
    ):
        load_tokenizer(str(vocabulary_folder(tmp_path)))


# --- what the library does not load ---


def test_code_of_a_folder_is_never_run(tmp_path: Path) -> None:
    config = {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": [None, "mine.Mine"]}}
    folder = FAMILIES["bert"].write(tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "mine.py").write_text("raise SystemExit('ran')\n", "utf-8")
    with pytest.raises(
        TokenizerError, match=r"makes no fast tokenizer of .*: pass its tokenizer\.j"
    ):
        load_tokenizer(str(folder))
    # The cure is true.
    assert load_tokenizer(str(folder / "tokenizer.json")).built_by is None


def test_a_tokenizer_written_in_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}')
    with pytest.raises(TokenizerError, match=r"CanineTokenizer is written in Python"):
        load_tokenizer(str(tmp_path))


# --- asked once ---


def test_what_the_library_said_is_remembered_by_files_and_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask_library(name: str, files: Any) -> Any:
        asked.append((name, sorted(files)))
        return {"tokenizer_class": "X", "tokenizer": None, "config": {}}

    monkeypatch.setattr(answers, "ask_library_in_a_process", ask_library)
    monkeypatch.setattr(answers, "cache_folder", lambda: tmp_path / "cache")
    first = answers.ask("org/model", {"config.json": b"1"})
    assert answers.ask("org/model", {"config.json": b"1"}) == first
    assert len(asked) == 1
    answers.ask("org/other", {"config.json": b"1"})
    answers.ask("org/model", {"config.json": b"2"})
    assert len(asked) == 3
    monkeypatch.setattr(answers, "version", lambda package: "0.0.0")
    answers.ask("org/model", {"config.json": b"1"})
    assert len(asked) == 4
    # What is damaged is asked for again, and a folder that cannot be made stops nobody.
    for path in (tmp_path / "cache").iterdir():
        path.write_text("{")
    answers.ask("org/model", {"config.json": b"1"})
    assert len(asked) == 5
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(answers, "cache_folder", lambda: tmp_path / "file")
    answers.ask("org/model", {"config.json": b"1"})
    assert len(asked) == 6


def test_errors_are_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ask_library_in_a_process", lambda name, files: {"error": "why"})
    monkeypatch.setattr(answers, "cache_folder", lambda: tmp_path)
    with pytest.raises(answers.NoAnswerError, match="why"):
        answers.ask("x", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_program_answers_as_the_function_does(tmp_path: Path) -> None:
    folder = FAMILIES["t5"].write(tmp_path)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert ask_library_in_a_process("org/t5", files) == program.describe(folder)
    assert "error" in ask_library_in_a_process("org/t5", {})
