import pytest

from beam_pipeline.report import sentences
from tests.beam_pipeline.report.documents import example


def _with(section: str, **changes: object) -> dict:
    document = example()
    return {**document, section: {**document[section], **changes}}


def _ledger(**changes: int) -> dict:
    document = example()
    ledger = {**document["ledger"], "reviews": {**document["ledger"]["reviews"], **changes}}
    return {**document, "ledger": ledger}


def test_a_report_of_all_reviews_needs_no_note():
    assert sentences.coverage(example()) == ""
    assert "250 reviews (25.0 %)" in sentences.coverage(_with("measured", reviews=250))
    assert "nothing was counted" in sentences.coverage(example(measured=None))


def test_lengths_say_what_to_choose():
    assert sentences.lengths(example()) == (
        "At 256 tokens 48.8 % of the reviews lose something, 48.8 % of all tokens. 512 is the "
        "shortest of these that keeps 95 % of the tokens. This dataset has 256."
    )
    assert sentences.lengths(_with("dataset", task="mlm")).endswith(
        "This dataset cuts no review at a length: mlm packs all of them into blocks."
    )
    assert sentences.lengths(_with("dataset", overflow="windows")).endswith("of the tokens.")


def test_the_ledger_says_what_was_lost_and_why():
    assert sentences.ledger(example()) == (
        "99.01 % of the reviews are in the shards; 48.5 % of the tokens were dropped: what "
        "max_length cut off."
    )
    assert "--remainder pad keeps them" in sentences.ledger(_with("dataset", task="mlm"))
    document = _ledger(read=1000)
    document["ledger"]["tokens"] = {**document["ledger"]["tokens"], "dropped": 0}
    assert sentences.ledger(document) == "Every review and every token is in a shard."


@pytest.mark.parametrize(
    ("n", "gone", "said"),
    [
        (0, 0, "No two reviews have the same text."),
        (1, 0, "1 review repeats the text of another (0.10 %); --dedup exact leaves them out."),
        (4, 0, "4 reviews repeat the text of another (0.40 %); --dedup exact leaves them out."),
        (None, 0, "Duplicates were not counted: there are more than 4 million reviews."),
        (0, 7, "7 reviews repeated the text of an earlier one and were left out."),
    ],
)
def test_duplicates(n, gone, said):
    document = {**_ledger(duplicates=gone), "measured": {**example()["measured"], "duplicates": n}}
    assert sentences.duplicates(document) == said


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[0, 250], [1, 750]], "A model that always says the largest class is right for 75.0 % of "
         "the reviews; it has 3.0 times as many as the smallest."),
        ([[0, 5], [1, 5], [2, 5]], "The 3 classes are equally large."),
        ([[0, 100], [1, 104]], "The 2 classes are nearly equally large."),
        ([[1, 5]], "All reviews have one label: there is nothing to learn from it."),
        (None, "More different labels than classes can be: they were not counted."),
    ],
)  # fmt: skip
def test_labels(labels, said):
    assert sentences.labels(_with("measured", labels=labels)) == said


@pytest.mark.parametrize(
    ("problem_type", "said"),
    [
        ("regression", "The most frequent value is that of 60.0 % of the reviews."),
        (
            "multi_label_classification",
            "The most frequent class applies to 60.0 % of the reviews, the rarest to 0 %.",
        ),
    ],
)
def test_labels_that_are_not_one_class_are_compared_with_the_reviews(problem_type, said):
    document = _with("measured", labels=[[0, 600], [1, 0], [2, 30]])
    document["dataset"]["problem_type"] = problem_type
    assert sentences.labels(document) == said


def test_words_shards_and_time():
    assert sentences.words(example()).startswith("1.20 tokens a word: ")
    assert sentences.words(example()).endswith("use 32.8 % of its 30,522 tokens.")
    assert sentences.shards(example()).startswith("4 shards of 100 to 400 rows. ")
    assert sentences.speed(example()) == (
        "2.5 s from start to end (local, in this process). The work itself took 3.0 s, summed over "
        "workers: most of it, 66.7 %, is to tokenize."
    )
    assert sentences.speed(_with("run", stage_seconds={})) == "2.5 s on local, in this process."


def test_unknown_tokens():
    assert sentences.unknown(example()).startswith("30 tokens are unknown (0.01 %): ")
    unknown = {"id": None, "tokens": 0, "words": []}
    assert sentences.unknown(_with("measured", unknown=unknown)).startswith("The tokenizer has no ")
    unknown = {"id": 3, "tokens": 0, "words": []}
    assert sentences.unknown(_with("measured", unknown=unknown)) == "No token is unknown."


def test_tags_that_are_a_large_part_of_the_tokens_are_proposed_to_be_taken_out():
    def with_tags(n: int, text: str = "br") -> dict:
        frequent = [{"id": 1, "text": " <", "count": 5000}, {"id": 2, "text": text, "count": n}]
        vocabulary = {**example()["measured"]["vocabulary"], "frequent": frequent}
        return _with("measured", vocabulary=vocabulary)

    assert sentences.markup(with_tags(10_000)) == (
        "5.0 % of the tokens are pieces of HTML tags such as <br />: --strip_html takes them out."
    )
    assert sentences.markup(with_tags(9_000)) == ""
    assert sentences.markup(with_tags(90_000, "the")) == ""
    document = with_tags(10_000)
    document["dataset"] = {**document["dataset"], "strip_html": True}
    assert sentences.markup(document) == ""


def test_texts_of_earlier_generations_are_said():
    document = _with("measured", repeated=1, compared_generations=2)
    assert sentences.duplicates(document).endswith(
        "1 text of this run stands in 2 earlier generations, too."
    )
    document = _with("measured", repeated=0, compared_generations=1)
    assert sentences.duplicates(document).endswith(
        "None of this run's texts stands in the earlier generation."
    )


def test_figures_of_one_run_of_several_are_said_to_be_its_own():
    document = _with("dataset", generations=3)
    assert sentences.coverage(document).startswith(
        "Figures of lengths, words, labels and duplicates are of this run's 1,000 reviews;"
    )
    document["added"] = {"ledger": _ledger(written=2000)["ledger"]}
    assert "1,000 reviews (50.0 %)" in sentences.coverage(document)
