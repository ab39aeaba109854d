"""The configuration of a job: every option of the command line, checked once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from beam_pipeline.options.option import (
    check_all_are_read,
    check_ranges,
    job_option,
    option,
    option_of,
    run_option,
)
from transforms.functional.errors import UsageError
from transforms.functional.problem_type_names import REGRESSION, SINGLE, ProblemType
from transforms.functional.readers.dialect import can_divide

# The task that reads an option.
_MLM, _LABELS = ("task", "mlm"), ("task", "classification")
MAX_LENGTH = 1 << 20  # No model reads longer rows, and a part of them would fill the memory.


@dataclass(frozen=True, kw_only=True)
class JobConfig:
    """What to read, what to make of it, and where to put it; each option describes itself."""

    input: tuple[str, ...] = job_option(
        help="a file, folder or glob, local or a URL; may be given several times"
    )
    output: str = job_option(
        help="folder or URL of the dataset",
        must_be=("where other processes find it", lambda url: "memory://" not in url),
    )
    tokenizer: str = job_option(
        help="a folder with tokenizer.json, such a file, or a name on the Hugging Face hub"
    )
    task: Literal["mlm", "classification"] = option(
        help="mlm: reviews end to end, in blocks; classification: a review a row, with its label"
    )
    max_length: int = option(
        512,
        help="tokens in a block or row, special tokens included",
        must_be=("from 1 to 1048576", lambda n: 1 <= n <= MAX_LENGTH),
    )
    text_column: str = option("text", help="column or JSON field of the review")
    label_column: str = option(
        "label", help="column or JSON field of the class label", goes_with=_LABELS
    )
    label_from_path: bool = option(
        False,
        help="take the label from the folder that a file lies in (pos/, neg/, unsup/)",
        goes_with=_LABELS,
    )
    label_names: str = option(
        "",
        help="names of the classes in the order of their numbers, such as neg,pos",
        goes_with=_LABELS,
        omit_default=True,
    )
    problem_type: ProblemType = option(  # noqa: RUF009  # A dataclass field, as the others.
        SINGLE,
        help="what a label is, as transformers names it: a class, a list of classes, or a number",
        goes_with=_LABELS,
        omit_default=True,
    )
    keep_unlabelled: bool = option(
        False,
        help="keep reviews whose label is -1 (unsup/), which are left out otherwise",
        goes_with=_LABELS,
        omit_default=True,
    )
    subset_from_path: bool = option(
        False,
        help="folders or file names say the subset: train, or validation (validation, dev, test)",
        omit_default=True,
    )
    sample_by: Literal["line", "document"] = option(
        "line", help="plain text: a review a line, or each file one review (document)"
    )
    input_format: Literal["auto", "text", "jsonl", "json", "csv", "tsv", "parquet", "arrow"] = (
        option("auto", help="format of all inputs; auto: by their endings")
    )
    delimiter: str = option(
        "auto",
        help="CSV, TSV: what separates fields, a character or tab; auto: , or tab, by format",
        must_be=("auto, tab, or one character", lambda name: name == "auto" or can_divide(name)),
        omit_default=True,
    )
    quoting: Literal["minimal", "none"] = option(
        "minimal",
        help="CSV, TSV: fields may be in double quotes; none: a quote is plain text",
        omit_default=True,
    )
    escape: str = option(
        "none",
        help="CSV, TSV: the character that makes the next quote plain text, often \\",
        must_be=("none, or one character", lambda name: name == "none" or can_divide(name)),
        omit_default=True,
    )
    strip_html: bool = option(False, help="take HTML tags out, and replace &amp; and its like")
    normalize: Literal["none", "nfc"] = option(
        "none", help="bring the text into one Unicode form (nfc), or leave it as it is"
    )
    dedup: Literal["none", "exact"] = option(
        "none", help="exact: of reviews with the same text keep the first"
    )
    exclude: tuple[str, ...] = job_option(
        (), help="a dataset or input whose reviews are left out; may be given several times"
    )
    padding: Literal["max_length", "longest"] = option(
        "max_length",
        help="max_length: fixed rows; longest: ragged rows, padded when they are loaded",
        goes_with=_LABELS,
    )
    overflow: Literal["truncate", "windows"] = option(
        "truncate",
        help="cut long reviews off, or give them several overlapping rows (windows)",
        goes_with=_LABELS,
    )
    stride: int = option(
        128,
        help="tokens that a window shares with the next",
        goes_with=("overflow", "windows"),
        must_be=("at least 0", lambda n: n >= 0),
    )
    remainder: Literal["drop", "pad"] = option(
        "drop",
        help="the last tokens of a part, which fill no block: drop or pad them",
        goes_with=_MLM,
    )
    packing: Literal["concatenate", "best_fit"] = option(
        "concatenate",
        help="concatenate: reviews end to end, cut into blocks; best_fit: whole reviews, padded",
        goes_with=_MLM,
        omit_default=True,
    )
    review_starts: bool = option(
        False,
        help="write where reviews begin in each block, as best_fit always does",
        goes_with=_MLM,
        omit_default=True,
    )
    masking: Literal["dynamic", "static"] = option(
        "dynamic",
        help="dynamic: mask when training; static: masks and labels in the shards",
        goes_with=_MLM,
    )
    mlm_probability: float = option(
        0.15,
        help="share of tokens that static masks choose",
        goes_with=("masking", "static"),
        must_be=("above 0 and at most 1", lambda share: 0 < share <= 1),
    )
    whole_word_masking: bool = option(
        False, help="static masks choose whole words", goes_with=("masking", "static")
    )
    validation_fraction: float = option(
        0.0,
        help="share of reviews for the validation subset",
        must_be=("at least 0 and below 1", lambda share: 0 <= share < 1),
    )
    seed: int = option(
        0,
        help="seed of masks, shuffling and validation",
        must_be=("from 0 to 2**64 - 1", lambda n: 0 <= n < 2**64),
    )
    order: Literal["input", "shuffled"] = option(
        "input", help="keep the order of the inputs, or shuffle all reviews"
    )
    part_bytes: int = option(
        32 << 20,
        help="most bytes of review text in a part; a shard is made of a part",
        must_be=("at least 1000, about a review", lambda n: n >= 1000),
    )
    format: Literal["arrow", "parquet"] = option(
        "arrow", help="arrow: memory-mapped by training; parquet: for cold storage"
    )
    max_rejected_fraction: float = job_option(
        0.01,
        help="share of rejected records above which the job fails",
        must_be=("from 0 to 1", lambda share: 0 <= share <= 1),
    )
    bad_files: Literal["fail", "quarantine"] = job_option(
        "fail",
        help="with too many rejected records: fail the job, or leave such files out (quarantine)",
    )
    append: bool = job_option(
        False, help="add the inputs that are new to the dataset in --output, as a new generation"
    )
    ignore_changed: bool = job_option(
        False, help="append also where earlier inputs have changed; what was made of them stays"
    )
    ignore_vanished: bool = job_option(
        False, help="append also where earlier inputs have vanished; what was made of them stays"
    )
    overwrite: Literal[False, True, "in_place"] = job_option(
        False,
        help="replace the dataset in --output once the new one is whole; in_place: remove it "
        "first, where there is no room for both",
    )
    shared_paths: bool = job_option(
        False,
        help="the workers of the engine see the paths of this machine, as on a shared disk (NFS)",
    )
    expect: str = job_option(
        "", help="a YAML file of what new reviews must be; see docs/contract.md"
    )
    summary: str = run_option(
        "text",
        help="at the end, print a summary for people (text) or machines (json); or the path or URL "
        "of a file that gets the JSON, too",
    )
    metrics_file: str = run_option(
        "", help="path or URL of a file that gets the run's figures as OpenMetrics text"
    )
    lineage: bool = run_option(
        False, help="send OpenLineage events, to where OPENLINEAGE_URL or OPENLINEAGE_CONFIG say"
    )
    log_format: Literal["text", "json"] = run_option(
        "text", help="form of the lines on stderr: for people (text), or a JSON object each (json)"
    )
    dry_run: bool = run_option(False, help="only say what would be read and made")
    quiet: bool = run_option(False, help="print nothing but errors")
    debug: bool = run_option(False, help="show tracebacks")

    def __post_init__(self) -> None:
        """Check every value by itself, and that no option is given where nothing reads it."""
        self._check_not_empty()
        check_ranges(self)
        self._check_apart("append", "overwrite")
        if self.dry_run and (self.summary != "text" or self.metrics_file or self.lineage):
            raise UsageError(
                "--dry_run makes nothing to tell: leave --summary, --metrics_file and --lineage out"
            )
        for name in ("ignore_changed", "ignore_vanished"):
            if getattr(self, name) and not self.append:
                raise UsageError(f"--{name} goes with --append: add it, or leave this out")
        check_all_are_read(self)
        if "" in self.classes or len(set(self.classes)) < len(self.classes):
            raise UsageError(
                f"--label_names {self.label_names}: a name is empty or stands there twice"
            )
        self._check_problem_type()
        self._check_apart("subset_from_path", "validation_fraction")
        if self.label_from_path and self.label_column != "label":
            raise UsageError(
                f"--label_column {self.label_column} and --label_from_path exclude each other: "
                f"give one of them"
            )
        if self.packing == "best_fit" and self.remainder == "pad":
            raise UsageError(
                "--remainder pad goes with --packing concatenate: best_fit pads anyway; drop it"
            )

    def _check_apart(self, one: str, other: str) -> None:
        if getattr(self, one) and getattr(self, other):
            raise UsageError(f"--{one} and --{other} exclude each other: give one of them")

    def _check_not_empty(self) -> None:
        # An unset shell variable: as a path it would mean the working folder, or the root.
        for name in ("input", "output", "tokenizer", "text_column", "label_column", "exclude"):
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            if "" in values or (name == "input" and not values):
                raise UsageError(f"--{name} is empty: is a shell variable not set?")

    def _check_problem_type(self) -> None:
        for name in ("label_from_path", "keep_unlabelled"):
            if getattr(self, name) and self.problem_type != SINGLE:
                raise UsageError(
                    f"--{name} goes with --problem_type {SINGLE}, where a review has one class, "
                    f"got --problem_type {self.problem_type}: leave it out"
                )
        if self.label_names and self.problem_type == REGRESSION:
            raise UsageError(
                f"--label_names {self.label_names} names classes, but the labels of "
                f"--problem_type {REGRESSION} are numbers: leave it out"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of `--label_names`."""
        return tuple(self.label_names.split(",")) if self.label_names else ()

    @property
    def reads_labels(self) -> bool:
        """True where labels are read from a column."""
        return self.task == "classification" and not self.label_from_path

    def dataset_options(self) -> dict[str, Any]:
        """Return the options that decide the bytes of the dataset: what the fingerprint covers."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if option_of(field).decides_bytes
            and not (option_of(field).omit_default and getattr(self, field.name) == field.default)
        }
