"""What the figures of a report mean, in a sentence each."""

from __future__ import annotations

from typing import Any

from beam_pipeline.report.flow_chart import share_text

Document = dict[str, Any]


def coverage(document: Document) -> str:
    """Say which of the reviews the figures are of; nothing where they are of all."""
    reviews, measured = document["ledger"]["reviews"], document["measured"]
    there = reviews["written"] + reviews["dropped"]
    if measured is None:
        return (
            "Every shard was kept from an earlier run, so nothing was counted in this one: figures "
            "of lengths and words are missing. --overwrite makes them anew."
        )
    if measured["reviews"] == there:
        return ""
    return (
        f"Figures of lengths, words and labels are of {measured['reviews']:,} reviews "
        f"({share_text(measured['reviews'], there)}): those that were tokenized in the last run. "
        f"The shards of the others are from earlier runs."
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
        said = (
            f"At 256 tokens {share_text(row['reviews_longer'], measured['reviews'])} of the "
            f"reviews lose something, {share_text(row['tokens_lost'], measured['tokens'])} of all "
            f"tokens. "
        )
    best = enough(document)
    if best:
        said += f"{best:,} is the shortest of these that keeps 95 % of the tokens. "
    if document["dataset"]["task"] == "mlm":
        said += "This dataset cuts nothing off: mlm packs all of them into blocks."
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
    """Say whether the classes are balanced."""
    counts = [count for _, count in document["measured"]["labels"] or []]
    if not counts:
        return "More different labels than classes can be: they were not counted."
    if len(counts) == 1:
        return "All reviews have one label: there is nothing to learn from it."
    largest, smallest = max(counts), min(counts)
    total = sum(counts)
    if largest == smallest:
        return f"The {len(counts)} classes are equally large."
    return (
        f"A model that always says the largest class is right for {share_text(largest, total)} of "
        f"the reviews; it has {largest / smallest:,.1f} times as many as the smallest."
    )


def duplicates(document: Document) -> str:
    """Say how many reviews stand there more than once."""
    n, reviews = document["measured"]["duplicates"], document["measured"]["reviews"]
    gone = document["ledger"]["reviews"]["duplicates"]
    if gone:
        return f"{gone:,} reviews repeated the text of an earlier one and were left out."
    if n is None:
        return "Duplicates were not counted: there are more than 4 million reviews."
    if not n:
        return "No two reviews have the same text."
    return (
        f"{n:,} {'review repeats' if n == 1 else 'reviews repeat'} the text of another "
        f"({share_text(n, reviews)}); --dedup exact leaves them out."
    )


def shards(document: Document) -> str:
    """Say whether shards are of one size."""
    rows = [row for subset in document["subsets"].values() for row in subset["rows_per_shard"]]
    n = sum(subset["shards"] for subset in document["subsets"].values())
    if n < 2:
        return f"{n} shard. Smaller --part_bytes makes more of them, for more workers at once."
    sizes = f"{min(rows):,} to {max(rows):,} rows" if min(rows) < max(rows) else f"{rows[0]:,} rows"
    return f"{n:,} shards of {sizes}. Training deals out rows, not shards: unequal ones do no harm."


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
