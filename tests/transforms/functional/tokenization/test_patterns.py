"""A pattern of which a bound is known gets through all texts below it."""

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from transforms.functional.tokenization.encoder import Encoder
from transforms.functional.tokenization.patterns import safe_length

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
KNOWN = [CL100K, O200K, r" {2,}", r"\d", r"\w+|[^\w\s]+", r"\p{N}{1,3}", r"[0-9][0-9]?x*?y"]


@pytest.mark.parametrize("pattern", KNOWN)
def test_a_bound_is_known_where_little_can_fail_behind_what_is_repeated(pattern: str) -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    encoder = Encoder(tokenizer.to_str())
    length = safe_length(pattern)

    assert 20_000 < length < 10_000_000
    for character in " \nA1!é":
        assert not encoder.why_it_gives_up(character * min(length, 100_000))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a|aa)+b",
        r"(?:a+)?b",
        r"(a+b)",
        r"((a)b)",
        r"a*a*b",
        r"a+?a+?b",
        r"\*+\*+b",
        r"a{2,}a{2,}b",
        r"a{99}",
        r"(a)\1",
        r"\bword",
        r"(?<=a)b",
        r"[[:alpha:]]+",
        r"[a&&b]",
        r"a+b*+?",
        "(",
    ],
)
def test_no_bound_is_known_of_repeated_groups_and_of_what_is_not_understood(pattern: str) -> None:
    assert safe_length(pattern) == 0
