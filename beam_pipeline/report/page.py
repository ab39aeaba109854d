"""`report.html`: one file that needs no network and no script."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beam_pipeline.report import sentences
from beam_pipeline.report.charts import choice_chart, length_chart, shard_chart, trend_charts
from beam_pipeline.report.flow_chart import flow_chart, share_text
from transforms.functional.wording import counted, cut_reviews

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

Document = dict[str, Any]

COMPARED = (128, 256, 512, 1024)
WAYS = ("written", "rejected", "dropped", "duplicates", "excluded", "unlabelled")
_VISIBLE = str.maketrans(
    {" ": "\N{OPEN BOX}", "\n": "\N{RETURN SYMBOL}", "\t": "\N{RIGHTWARDS ARROW TO BAR}"}
)


def render(document: Document, name: str) -> str:
    """Return the page.

    Args:
        document: A complete `report.json`.
        name: What to call the dataset; every text of the document and this one is escaped.

    Raises:
        ImportError: Jinja2 is missing: `pip install 'review-shards[report]'`.
    """
    measured = document["measured"]
    lengths = sorted({*COMPARED, document["dataset"]["max_length"]}) if measured else []
    rows = (sentences.row_at(document, length) for length in lengths)
    return page_template().render(
        name=name,
        document=document,
        measured=measured,
        tiles=tiles(document),
        charts=_charts(document),
        trends=trend_charts(document["trend"], document["dataset"]["label_names"]),
        compared=[row for row in rows if row],
        labels=labels(document) if measured else [],
        both=this_run_and_dataset(document),
        counted=counted,
        cut_reviews=cut_reviews(document["dataset"]["task"]),
        say=sentences,
        share=share_text,
    )


@cache
def page_template() -> Template:
    """Return the page's template, compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda number: f"{number:,}"
    environment.filters["visible"] = lambda text: text.translate(_VISIBLE)
    environment.filters["size"] = size_text
    environment.filters["when"] = when_text
    environment.filters["options"] = options_as_code
    return environment.get_template("page.html.jinja")


def options_as_code(sentence: str) -> Markup:
    """Return a sentence, escaped, with the options of the command line in it as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"--[a-z_]+", r"<code>\g<0></code>", str(escape(sentence))))


def tiles(document: Document) -> list[tuple[str, str, str]]:
    """Return the headline figures: the figure, what it is, and what to know about it."""
    reviews, tokens = document["ledger"]["reviews"], document["ledger"]["tokens"]
    rows = sum(subset["rows"] for subset in document["subsets"].values())
    shards = sum(subset["shards"] for subset in document["subsets"].values())
    run = document["run"]
    found = [
        (short(reviews["read"]), "reviews read", f"{reviews['written']:,} written"),
        (short(tokens["written"]), "tokens written", f"{tokens['written']:,}"),
        (short(rows), "rows", f"in {counted(shards, 'shard')}"),
        (
            share_text(reviews["rejected"], reviews["read"]),
            "rejected",
            counted(reviews["rejected"], "record"),
        ),
        _cut_tile(document),
    ]
    if run and run["tokens_per_second"]:
        speed = (short(run["tokens_per_second"]), "tokens/s, this run", f"{run['seconds']:,.1f} s")
        found.insert(3, speed)
    return found


def _cut_tile(document: Document) -> tuple[str, str, str]:
    """Return what was lost: reviews cut at a length, or tokens that fill no block."""
    reviews, tokens = document["ledger"]["reviews"], document["ledger"]["tokens"]
    if document["dataset"]["task"] == "mlm":
        made = tokens["written"] + tokens["dropped"]
        n = counted(tokens["dropped"], "token")
        return share_text(tokens["dropped"], made), "dropped at ends of parts", n
    share = share_text(reviews["truncated"], reviews["written"])
    return share, "truncated", counted(reviews["truncated"], "review")


def this_run_and_dataset(document: Document) -> list[tuple[str, int | None, int]]:
    """Return figures of the run beside those of the dataset; None where nobody knows the run's."""
    added = document["added"]

    def figures(of: Document, n_inputs: int) -> dict[str, int]:
        subsets = of["subsets"].items()
        ledger = of["ledger"]
        reviews = {f"reviews {name}": ledger["reviews"].get(name, 0) for name in ("read", *WAYS)}
        tokens = {f"tokens {name}": ledger["tokens"][name] for name in ("written", "dropped")}
        rows = {f"rows in {name}": subset["rows"] for name, subset in subsets}
        shards = {f"shards in {name}": subset["shards"] for name, subset in subsets}
        return {"input files": n_inputs, **reviews, **tokens, **rows, **shards}

    whole = figures(document, document["dataset"]["inputs"])
    new = figures(added, added["inputs"]) if added else {}
    return [(name, new.get(name), count) for name, count in whole.items()]


def short(number: float) -> str:
    """Return a number that is short enough to be large: `15.4 M`, but `50,000`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        scaled = number / size
        if scaled >= 0.9995 and number >= 99_950:
            return f"{scaled:.{0 if scaled >= 99.95 else 1}f} {unit}"
    return f"{number:,.0f}"


def size_text(n_bytes: float) -> str:
    """Return bytes for people: `66.0 MB`."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def when_text(time: str | None) -> str:
    """Return a time of a record for people: `2026-03-30 04:05 UTC`."""
    return f"{time[:16].replace('T', ' ')} UTC" if time else "at an unknown time"


def labels(document: Document) -> list[tuple[str, int]]:
    """Return the reviews of each label, by name where labels have names."""
    names = document["dataset"]["label_names"] or {}
    counts = document["measured"]["labels"] or []
    return [(names.get(str(label), str(label)), count) for label, count in counts]


def _charts(document: Document) -> dict[str, str]:
    """Return SVG elements by name; each with the sentence that says what is seen."""
    reviews, tokens = document["ledger"]["reviews"], document["ledger"]["tokens"]
    ways = [(name, reviews.get(name, 0)) for name in WAYS]
    made = [("of text", tokens["tokenized"]), *((k, tokens[k]) for k in ("special", "repeated"))]
    kept = [(name, tokens[name]) for name in ("written", "dropped")]
    charts = {}
    # A flow from one place to one other says nothing that its number does not.
    if sum(amount > 0 for _, amount in ways) > 1:
        read = [("read", reviews["read"])]
        charts["reviews"] = flow_chart(read, ways, "Flow of reviews, in numbers below")
    if max(sum(amount > 0 for _, amount in side) for side in (made, kept)) > 1:
        charts["tokens"] = flow_chart(made, kept, "Flow of tokens, in numbers below")
    measured = document["measured"]
    if measured and measured["reviews"]:
        n_reviews, n_tokens = measured["reviews"], measured["tokens"]
        lengths = measured["lengths"]
        charts["lengths"] = length_chart(
            lengths["histogram"], COMPARED, "Number of reviews by their length in tokens"
        )
        charts["choice"] = choice_chart(
            lengths["at"], n_reviews, n_tokens, "Shares kept and padded by max_length"
        )
    for name, subset in document["subsets"].items():
        if subset["shards"] > 1:
            charts[f"shards_{name}"] = shard_chart(
                subset["rows_per_shard"], f"Rows of the shards of {name}"
            )
    return charts
