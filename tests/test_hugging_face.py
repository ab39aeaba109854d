"""The rows of the job are Hugging Face's own, every id."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from beam_pipeline.options.config import JobConfig
from beam_pipeline.plan.planning import make_plan
from beam_pipeline.plan.tokenizer_source import TokenizerSource, load_tokenizer
from tests import oracle
from tests.oracle import make
from transforms.functional.counter_random import VALIDATION, below, review_random
from transforms.functional.rows.template import add_template
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.reading import read_split

FAMILIES = ("wordpiece", "byte-level", "unigram")


@pytest.fixture(scope="module")
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small tokenizer of one family."""
    if request.param == "wordpiece":
        return oracle.SAMPLE_TOKENIZER
    folder = tmp_path_factory.mktemp(request.param)
    train = {"byte-level": byte_level_tokenizer, "unigram": unigram_tokenizer}[request.param]
    train(folder)
    return folder


def byte_level_tokenizer(folder: Path) -> None:
    """Train a tokenizer like RoBERTa's: byte-level BPE, `<s> ... </s>`."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=specials,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(oracle.sample_texts(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = {"cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    save(tokenizer, folder, names)


def unigram_tokenizer(folder: Path) -> None:
    """Train a tokenizer like T5's: Unigram, `... </s>`."""
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=1200,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(oracle.sample_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    save(tokenizer, folder, {"eos": "</s>", "pad": "<pad>", "unk": "<unk>"})
    # Python and the library read a long decimal up to one last bit apart, which decides between
    # segmentations of equal score ("ooo" + "o", "o" + "ooo"); short decimals they read alike.
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["model"]["vocab"] = [
        [piece, round(score, 4)] for piece, score in content["model"]["vocab"]
    ]
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def save(tokenizer: tokenizers.Tokenizer, folder: Path, names: dict[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {f"{role}_token": name for role, name in names.items()}
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


@pytest.fixture(scope="module")
def hard_reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the sample's reviews and the hostile texts, labels 0, 1, 2 in turn."""
    path = tmp_path_factory.mktemp("reviews") / "hard.jsonl"
    texts = [*oracle.sample_texts(), *oracle.HOSTILE_TEXTS]
    return oracle.write_jsonl(path, [(text, n % 3) for n, text in enumerate(texts)])


def read_file(path: Path) -> tuple[list[str], list[int]]:
    rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    return [row["text"] for row in rows], [row["label"] for row in rows]


all_families = pytest.mark.parametrize("family", FAMILIES, indirect=True)


# --- masked language modelling ---


@all_families
@pytest.mark.parametrize("max_length", [128, 510])
def test_one_part_gives_the_blocks_of_group_texts(
    family: Path, hard_reviews: Path, tmp_path: Path, max_length: int
) -> None:
    dataset = make(
        tmp_path / "out",
        *("--task", "mlm", "--max_length", max_length),
        reviews=hard_reviews,
        tokenizer=family,
    )

    texts, _ = read_file(hard_reviews)
    ids, words = oracle.hugging_face_blocks(texts, oracle.auto_tokenizer(family), max_length)
    table = dataset.table()
    assert len(ids) > 50
    assert table["input_ids"].to_pylist() == ids
    assert dataset.word_ids(table) == words
    assert all(map(all, table["attention_mask"].to_pylist()))


@pytest.mark.parametrize("remainder", ["drop", "pad"])
@pytest.mark.parametrize("validation_fraction", [0.0, 0.3])
def test_several_parts_give_the_blocks_of_group_texts_on_each(
    tmp_path: Path, remainder: str, validation_fraction: float
) -> None:
    options = ("--remainder", remainder, "--validation_fraction", validation_fraction)
    dataset = make(
        tmp_path / "out", "--task", "mlm", "--max_length", 64, "--part_bytes", 20_000, *options
    )

    tokenizer = oracle.auto_tokenizer(oracle.SAMPLE_TOKENIZER)
    parts = parts_of_sample(20_000)
    assert len(parts) > 4
    subsets = ("train", "validation") if validation_fraction else ("train",)
    assert set(dataset.manifest.subsets) == set(subsets)
    for subset in subsets:
        made = dict(dataset.shards(subset))
        n_rows = 0
        for key, reviews in parts.items():
            texts = [
                text
                for text, in_validation in chosen_texts(reviews, validation_fraction)
                if in_validation == (subset == "validation")
            ]
            expected = blocks_of(texts, tokenizer, 64, remainder)
            n_rows += len(expected)
            found = made[key]["input_ids"].to_pylist() if key in made else []
            assert found == expected
        assert dataset.manifest.rows(subset) == n_rows > 20


def parts_of_sample(part_bytes: int) -> dict[tuple[int, int], list[tuple[str, int, int]]]:
    """Return (text, source, record) of each part's reviews."""
    config = JobConfig(
        input=(str(oracle.SAMPLE_REVIEWS),),
        output="unused",
        tokenizer="unused",
        task="mlm",
        part_bytes=part_bytes,
    )
    plan = make_plan(config)
    return {
        (part.key.split, part.key.part): [
            (row["text"], row["source"], row["record"]) for row in part.reviews.to_pylist()
        ]
        for split in plan.splits
        for part in read_split(split, columns=plan.columns, sample_by="line", part_bytes=part_bytes)
    }


def chosen_texts(
    reviews: Sequence[tuple[str, int, int]], validation_fraction: float
) -> list[tuple[str, bool]]:
    """Return each text, and whether it belongs to the validation subset."""
    sources = np.array([source for _, source, _ in reviews], np.uint32)
    records = np.array([record for _, _, record in reviews], np.uint64)
    chosen = below(review_random(0, VALIDATION, sources, records), validation_fraction)
    return [(review[0], bool(c)) for review, c in zip(reviews, chosen, strict=True)]


def blocks_of(
    texts: Sequence[str], tokenizer: Any, max_length: int, remainder: str
) -> list[list[int]]:
    if remainder == "drop":
        return oracle.hugging_face_blocks(texts, tokenizer, max_length)[0]
    stream = list(chain(*tokenizer(list(texts))["input_ids"])) if texts else []
    blocks = [stream[i : i + max_length] for i in range(0, len(stream), max_length)]
    return [block + [tokenizer.pad_token_id] * (max_length - len(block)) for block in blocks]


# --- classification ---


@all_families
@pytest.mark.parametrize(
    ("max_length", "sides"),
    [(64, {}), (512, {}), (40, {"padding_side": "left", "truncation_side": "left"})],
)
def test_rows_padded_to_max_length_are_the_tokenizers(
    family: Path, hard_reviews: Path, tmp_path: Path, max_length: int, sides: dict[str, str]
) -> None:
    tokenizer_folder = with_config(family, tmp_path / "tokenizer", sides)
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", max_length),
        reviews=hard_reviews,
        tokenizer=tokenizer_folder,
    )

    texts, labels = read_file(hard_reviews)
    expected = oracle.auto_tokenizer(tokenizer_folder)(
        texts, padding="max_length", truncation=True, max_length=max_length
    )
    assert dataset.column("input_ids") == expected["input_ids"]
    assert as_int(dataset.column("attention_mask")) == expected["attention_mask"]
    assert dataset.column("labels") == labels
    assert set(labels) == {0, 1, 2}


@all_families
def test_ragged_rows_are_the_tokenizers_before_and_after_padding_a_batch(
    family: Path, hard_reviews: Path, tmp_path: Path
) -> None:
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 256, "--padding", "longest"),
        reviews=hard_reviews,
        tokenizer=family,
    )

    tokenizer = oracle.auto_tokenizer(family)
    texts, labels = read_file(hard_reviews)
    ids = dataset.column("input_ids")
    assert ids == tokenizer(texts, truncation=True, max_length=256)["input_ids"]
    assert dataset.column("labels") == labels
    batch = tokenizer(texts[:8], padding="longest", truncation=True, max_length=256)
    padded = tokenizer.pad({"input_ids": ids[:8]}, padding="longest")
    assert padded["input_ids"] == batch["input_ids"]
    assert padded["attention_mask"] == batch["attention_mask"]


@all_families
@pytest.mark.parametrize(
    ("max_length", "stride", "sides"),
    [
        (256, 128, {}),
        (64, 0, {}),
        (40, 37, {}),
        (64, 16, {"padding_side": "left", "truncation_side": "left"}),
    ],
)
def test_windows_are_the_overflowing_tokens(
    family: Path,
    hard_reviews: Path,
    tmp_path: Path,
    max_length: int,
    stride: int,
    sides: dict[str, str],
) -> None:
    tokenizer_folder = with_config(family, tmp_path / "tokenizer", sides)
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", max_length),
        *("--overflow", "windows", "--stride", stride),
        reviews=hard_reviews,
        tokenizer=tokenizer_folder,
    )

    texts, labels = read_file(hard_reviews)
    expected = oracle.auto_tokenizer(tokenizer_folder)(
        texts,
        padding="max_length",
        truncation=True,
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
    )
    reviews = expected["overflow_to_sample_mapping"]
    assert len(reviews) > len(texts)
    assert dataset.column("input_ids") == expected["input_ids"]
    assert as_int(dataset.column("attention_mask")) == expected["attention_mask"]
    assert dataset.column("labels") == [labels[review] for review in reviews]
    # The rows of one review share its record number, and no other row has it.
    records = dataset.column("record")
    numbers = {record: number for number, record in enumerate(dict.fromkeys(records))}
    assert [numbers[record] for record in records] == reviews


def with_config(family: Path, folder: Path, changes: dict[str, object]) -> Path:
    """Return a copy of a tokenizer with another tokenizer_config.json."""
    if not changes:
        return family
    shutil.copytree(family, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
    return folder


def as_int(masks: list[list[bool]]) -> list[list[int]]:
    return [[int(value) for value in mask] for mask in masks]


# --- the published tokenizers, and IMDb ---


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("This movie is great!", [101, 2023, 3185, 2003, 2307, 999, 102]),
        ("I hated this film.", [101, 1045, 6283, 2023, 2143, 1012, 102]),
    ],
)
def test_documented_ids(tmp_path: Path, text: str, ids: list[int]) -> None:
    tokenizer = oracle.shared("tokenizers/bert-base-uncased")
    reviews = oracle.write_jsonl(tmp_path / "one.jsonl", [(text, 1)])
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 7),
        reviews=reviews,
        tokenizer=tokenizer,
    )

    assert dataset.column("input_ids") == [ids]
    assert dataset.column("attention_mask") == [[True] * 7]
    assert dataset.column("labels") == [1]


PUBLISHED = ("bert-base-uncased", "distilbert-base-uncased", "gpt2")


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_imdb_blocks_are_those_of_group_texts(tmp_path: Path, name: str) -> None:
    imdb, folder = oracle.imdb_sample(), oracle.shared(f"tokenizers/{name}")
    dataset = make(tmp_path / "out", "--task", "mlm", reviews=imdb.path, tokenizer=folder)

    ids, words = oracle.hugging_face_blocks(imdb.texts, oracle.auto_tokenizer(folder), 512)
    table = dataset.table()
    assert len(ids) > 900
    assert table["input_ids"].to_pylist() == ids
    assert dataset.word_ids(table) == words


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_imdb_reviews_are_the_tokenizers(tmp_path: Path, name: str) -> None:
    imdb, folder = oracle.imdb_sample(), oracle.shared(f"tokenizers/{name}")
    padding = "longest" if name == "gpt2" else "max_length"
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 256, "--padding", padding),
        reviews=imdb.path,
        tokenizer=folder,
    )

    expected = oracle.auto_tokenizer(folder)(
        imdb.texts,
        padding=False if name == "gpt2" else "max_length",
        truncation=True,
        max_length=256,
    )
    assert dataset.column("input_ids") == expected["input_ids"]
    assert as_int(dataset.column("attention_mask")) == expected["attention_mask"]
    assert dataset.column("labels") == imdb.labels


@pytest.mark.parametrize(
    ("task", "options", "role"),
    [
        ("classification", ("--padding", "max_length"), "pad"),
        ("mlm", ("--remainder", "pad"), "pad"),
        ("mlm", ("--masking", "static"), "mask"),
    ],
)
def test_gpt2_says_what_it_lacks_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    options: tuple[str, str],
    role: str,
) -> None:
    folder = oracle.shared("tokenizers/gpt2")

    assert oracle.run(tmp_path / "out", "--task", task, *options, tokenizer=folder) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: the tokenizer has no {role} token, which {' '.join(options)}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_gpt2_needs_no_padding_token_for_ragged_rows(tmp_path: Path) -> None:
    folder = oracle.shared("tokenizers/gpt2")
    dataset = make(
        tmp_path / "out",
        *("--task", "classification", "--max_length", 100, "--padding", "longest"),
        tokenizer=folder,
    )

    tokenizer = oracle.auto_tokenizer(folder)
    expected = tokenizer(oracle.sample_texts(), truncation=True, max_length=100)
    assert dataset.column("input_ids") == expected["input_ids"]


# --- a model ---


def test_logits_of_a_padded_batch_are_those_of_each_review_alone(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    dataset = make(tmp_path / "out", "--task", "classification", "--max_length", 96)
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=4000,
        dim=32,
        hidden_dim=64,
        n_heads=2,
        n_layers=2,
        max_position_embeddings=96,
        initializer_range=0.5,  # Large, so that the logits of different reviews differ.
    )
    model = DistilBertForSequenceClassification(config).eval()
    table = dataset.table().slice(0, 16)
    ids = torch.tensor(table["input_ids"].to_pylist())
    mask = torch.tensor(table["attention_mask"].to_pylist())
    with torch.no_grad():
        batch = model(input_ids=ids, attention_mask=mask).logits
        unmasked = model(input_ids=ids).logits
        alone = [
            model(input_ids=row[real][None]).logits[0] for row, real in zip(ids, mask, strict=True)
        ]

    lengths = mask.sum(1).tolist()
    assert min(lengths) < 50 < 96 == max(lengths)
    torch.testing.assert_close(batch, torch.stack(alone), rtol=1e-4, atol=1e-4)
    # A test that cannot fail proves nothing: without the mask, short reviews get other logits.
    assert (unmasked - batch).abs().max() > 0.1


# --- what tokenizer_config.json changes ---

CONFIGS = {
    "as it is": ("sample", {}),
    "a class of its own": ("sample", {"tokenizer_class": "BertTokenizer"}),
    "cased": ("sample", {"tokenizer_class": "BertTokenizer", "do_lower_case": False}),
    "cased, but no class": ("sample", {"do_lower_case": False}),
    "accents": ("sample", {"tokenizer_class": "BertTokenizerFast", "strip_accents": False}),
    "cjk": ("sample", {"tokenizer_class": "ElectraTokenizer", "tokenize_chinese_chars": False}),
    "new pad": ("sample", {"pad_token": "[PADDING]"}),
    "new mask": ("sample", {"mask_token": "<mask>"}),
    "extra": ("sample", {"additional_special_tokens": ["really", "<s>"]}),
    "named extra": ("sample", {"extra_special_tokens": {"image_token": "<unk>"}}),
    "token of a model": ("sample", {"image_token": "<unk>"}),
    "decoder": ("sample", {"added_tokens_decoder": {"4000": {"content": "real"}}}),
    "no names": ("sample", dict.fromkeys(["pad_token", "unk_token", "cls_token", "sep_token"])),
    "prefix space": ("tokenizers/gpt2", {"add_prefix_space": True}),
    "gpt2 with pad": ("tokenizers/gpt2", {"pad_token": "[PAD]"}),
    "gpt2 pads with its end": ("tokenizers/gpt2", {"pad_token": "<|endoftext|>"}),
    "clean up": ("tokenizers/bert-base-uncased", {"clean_up_tokenization_spaces": True}),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_config_changes_what_auto_tokenizer_makes_of_it(tmp_path: Path, name: str) -> None:
    base, changes = CONFIGS[name]
    source = oracle.SAMPLE_TOKENIZER if base == "sample" else oracle.shared(base)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    config = json.loads((source / "tokenizer_config.json").read_text("utf-8"))
    config = {key: value for key, value in {**config, **changes}.items() if value is not None}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")

    compare_with_auto_tokenizer(folder)


def test_saved_truncation_and_padding_only_tell_the_sides(tmp_path: Path) -> None:
    tokenizer = tokenizers.Tokenizer.from_file(str(oracle.SAMPLE_TOKENIZER / "tokenizer.json"))
    tokenizer.enable_truncation(8, direction="left")
    tokenizer.enable_padding(direction="left", pad_id=0, pad_token="[PAD]", length=32)
    save(tokenizer, tmp_path, {"pad": "[PAD]", "mask": "[MASK]"})

    source = compare_with_auto_tokenizer(tmp_path)
    assert source.special.padding_side == source.special.truncation_side == "left"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Bert", "DistilBert", "MPNet", "Roberta", "GPT2", "Llama", "T5"])
def test_a_tokenizer_that_hugging_face_saved_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    import transformers

    wordpiece = name in ("Bert", "DistilBert", "MPNet")
    source = oracle.SAMPLE_TOKENIZER if wordpiece else tmp_path / "made"
    if not wordpiece:
        source.mkdir()
        (byte_level_tokenizer if name in ("Roberta", "GPT2") else unigram_tokenizer)(source)
    tokenizer = getattr(transformers, f"{name}Tokenizer").from_pretrained(str(source))
    tokenizer.add_tokens(["film", "the end"])
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.save_pretrained(tmp_path / "saved")

    compare_with_auto_tokenizer(tmp_path / "saved")


def compare_with_auto_tokenizer(folder: Path) -> TokenizerSource:
    """Check ids, roles and sides of the tokenizer in a folder; return what the job makes of it."""
    theirs, ours = oracle.auto_tokenizer(folder), load_tokenizer(str(folder))
    texts = [*oracle.sample_texts()[:30], *oracle.HOSTILE_TEXTS]
    encode = ReviewTokenizer(ours.files["tokenizer.json"]).encode
    tokens, _ = add_template(encode(pa.array(texts, pa.large_string())), ours.template)
    expected = theirs(texts)["input_ids"]
    for (ids, _), other, text in zip(tokens, expected, texts, strict=True):
        assert ids.tolist() == other, text
    assert ours.role_ids.get("pad") == theirs.pad_token_id
    assert ours.role_ids.get("mask") == theirs.mask_token_id
    assert ours.encoder.vocab_size == len(theirs)
    assert set(theirs.all_special_ids) <= set(ours.special_ids)
    assert ours.special.padding_side == theirs.padding_side
    assert ours.special.truncation_side == theirs.truncation_side
    return ours
