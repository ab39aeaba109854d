"""What the figures of a report mean, in a sentence each."""

from __future__ import annotations

from typing import Any

from beam_pipeline.report.flow_chart import share_text
from transforms.functional.problem_type_names import MULTI, REGRESSION
from transforms.functional.wording import counted

Document = dict[str, Any]

MARKUP_SHARE = 0.05
_TAG_TOKENS = ("<", ">", "/", "br", "</", "/>", "><", "<br", "br/")


def coverage(document: Document) -> str:
    """Say which of the reviews the figures are of; nothing where they are of all."""
    measured, generations = document["measured"], document["dataset"]["generations"]
    of_run = document["added"] or document
    reviews = of_run["ledger"]["reviews"]
    there = reviews["written"] + reviews["dropped"]
    if measured is None:
        return (
            "Every shard was kept from an earlier run, so nothing was counted in this one: figures "
            "of lengths and words are missing. --overwrite makes them again."
        )
    if measured["reviews"] != there:
        return (
            f"Figures of lengths, words and labels are of {counted(measured['reviews'], 'review')} "
            f"({share_text(measured['reviews'], there)}): those that were tokenized in the last "
            f"run. The shards of the others are from earlier runs."
        )
    if generations == 1:
        return ""
    return (
        f"Figures of lengths, words, labels and duplicates are of this run's "
        f"{counted(measured['reviews'], 'review')}; the others are of the whole dataset."
    )


def ledger(document: Document) -> str:
    """Say what was lost on the way."""
    reviews, tokens = document["ledger"]["reviews"], document["ledger"]["tokens"]
    lost = share_text(tokens["dropped"], tokens["written"] + tokens["dropped"])
    if not tokens["dropped"] and reviews["read"] == reviews["written"]:
        return "Every review and every token is in a shard."
    why = "what max_length cut off" if _truncates(document) else "what filled no row"
    if document["dataset"]["task"] == "mlm":
        why = "the ends of parts, which fill no block (--remainder pad keeps them)"
    return (
        f"{share_text(reviews['written'], reviews['read'])} of the reviews are in the shards; "
        f"{lost} of the tokens were dropped: {why}."
    )


def lengths(document: Document) -> str:
    """Say what to choose `max_length` by."""
    measured = document["measured"]
    row = row_at(document, 256)
    said = ""
    if row:
        a_row = "With a row for each review, at" if document["dataset"]["task"] == "mlm" else "At"
        said = (
            f"{a_row} 256 tokens {share_text(row['reviews_longer'], measured['reviews'])} of the "
            f"reviews lose something, {share_text(row['tokens_lost'], measured['tokens'])} of all "
            f"tokens. "
        )
    best = enough(document)
    if best:
        said += f"{best:,} is the shortest of these that keeps 95 % of the tokens. "
    if document["dataset"]["task"] == "mlm":
        said += "This dataset cuts no review at a length: mlm packs all of them into blocks."
    elif _truncates(document):
        said += f"This dataset has {document['dataset']['max_length']:,}."
    return said.strip()


def words(document: Document) -> str:
    """Say how well the tokenizer fits the text."""
    measured = document["measured"]
    vocabulary = measured["vocabulary"]
    ratio = measured["tokens"] / measured["words"] if measured["words"] else 0.0
    return (
        f"{ratio:.2f} tokens a word: near 1 the tokenizer knows the words of these reviews; one "
        f"that cuts them up makes longer rows. The reviews use "
        f"{share_text(vocabulary['used'], vocabulary['size'])} of its {vocabulary['size']:,} "
        f"tokens."
    )


def unknown(document: Document) -> str:
    """Say how much text the model will not see."""
    measured = document["measured"]
    n = measured["unknown"]["tokens"]
    if measured["unknown"]["id"] is None:
        return "The tokenizer has no unknown token: every character becomes some token."
    if not n:
        return "No token is unknown."
    return (
        f"{n:,} {'token is' if n == 1 else 'tokens are'} unknown "
        f"({share_text(n, measured['tokens'])}): the model will not see what stood there. The "
        f"words are from a sample of the reviews that hold one."
    )


def labels(document: Document) -> str:
    """Say whether the classes are balanced, or how numbers are spread."""
    problem_type, reviews = document["dataset"]["problem_type"], document["measured"]["reviews"]
    counts = [count for _, count in document["measured"]["labels"] or []]
    if not counts:
        return "More different labels than classes can be: they were not counted."
    if len(counts) == 1:
        return "All reviews have one label: there is nothing to learn from it."
    largest, smallest = max(counts), min(counts)
    if problem_type == REGRESSION:
        return f"The most frequent value is that of {share_text(largest, reviews)} of the reviews."
    if problem_type == MULTI:
        return (
            f"The most frequent class applies to {share_text(largest, reviews)} of the reviews, "
            f"the rarest to {share_text(smallest, reviews)}."
        )
    total = sum(counts)
    if largest <= 1.05 * smallest:
        nearly = "" if largest == smallest else "nearly "
        return f"The {len(counts)} classes are {nearly}equally large."
    return (
        f"A model that always says the largest class is right for {share_text(largest, total)} of "
        f"the reviews; it has {largest / smallest:,.1f} times as many as the smallest."
    )


def markup(document: Document) -> str:
    """Propose to take HTML out where its tags are a large part of the tokens."""
    frequent = document["measured"]["vocabulary"]["frequent"]
    counts = {token["text"].strip(): token["count"] for token in frequent}
    n = sum(count for text, count in counts.items() if text in _TAG_TOKENS)
    share = n / max(document["measured"]["tokens"], 1)
    if document["dataset"]["strip_html"] or "br" not in counts or share < MARKUP_SHARE:
        return ""
    return (
        f"{share_text(share, 1)} of the tokens are pieces of HTML tags such as <br />: "
        f"--strip_html takes them out."
    )


def duplicates(document: Document) -> str:
    """Say how many reviews are there more than once, in this run and in all."""
    measured = document["measured"]
    n, reviews = measured["duplicates"], measured["reviews"]
    gone = document["ledger"]["reviews"]["duplicates"]
    compared, repeated = measured.get("compared_generations", 0), measured.get("repeated")
    of_run = " of this run" if compared else ""
    said = []
    if gone:
        said.append(
            f"{counted(gone, 'review')} repeated the text of an earlier one and "
            f"{'was' if gone == 1 else 'were'} left out."
        )
    elif n is None:
        said.append("Duplicates were not counted: there are more than 4 million reviews.")
    elif not n:
        said.append(f"No two reviews{of_run} have the same text.")
    else:
        said.append(
            f"{n:,} {'review repeats' if n == 1 else 'reviews repeat'} the text of another "
            f"({share_text(n, reviews)}); --dedup exact leaves them out."
        )
    if compared and repeated is not None:
        earlier = f"{compared:,} earlier generations" if compared > 1 else "the earlier generation"
        if repeated:
            stand = "stands" if repeated == 1 else "stand"
            said.append(f"{counted(repeated, 'text')} of this run {stand} in {earlier}, too.")
        else:
            said.append(f"None of this run's texts stands in {earlier}.")
    return " ".join(said)


def shards(document: Document) -> str:
    """Say whether shards are of one size."""
    rows = [row for subset in document["subsets"].values() for row in subset["rows_per_shard"]]
    n = sum(subset["shards"] for subset in document["subsets"].values())
    if n < 2:
        more = "Smaller --part_bytes makes more of them, for more workers at once."
        return f"{counted(n, 'shard')}. {more}"
    sizes = f"{min(rows):,} to " if min(rows) < max(rows) else ""
    sizes += counted(max(rows), "row")
    harmless = "Training deals out rows, not shards: unequal ones do no harm."
    return f"{counted(n, 'shard')} of {sizes}. {harmless}"


def speed(document: Document) -> str:
    """Say where the time went."""
    run = document["run"]
    stages = run["stage_seconds"]
    if not stages or not sum(stages.values()):
        return f"{run['seconds']:,.1f} s on {run['engine']}."
    slowest = max(stages, key=lambda name: stages[name])
    return (
        f"{run['seconds']:,.1f} s from start to end ({run['engine']}). The work itself took "
        f"{sum(stages.values()):,.1f} s, summed over workers: most of it, "
        f"{share_text(stages[slowest], sum(stages.values()))}, is to {slowest}."
    )


def enough(document: Document) -> int | None:
    """Return the shortest compared length that keeps 95 % of the tokens, None without one."""
    measured = document["measured"]
    for row in measured["lengths"]["at"]:
        if row["tokens_lost"] <= 0.05 * measured["tokens"]:
            return int(row["max_length"])
    return None


def row_at(document: Document, max_length: int) -> dict[str, Any] | None:
    """Return the figures of one length, None where it was not compared."""
    rows = document["measured"]["lengths"]["at"]
    return next((row for row in rows if row["max_length"] == max_length), None)


def _truncates(document: Document) -> bool:
    dataset = document["dataset"]
    return bool(dataset["task"] == "classification" and dataset["overflow"] == "truncate")
