"""Tokenizing: parts of reviews become parts of token ids."""

import functools
import threading
from dataclasses import KW_ONLY, dataclass
from weakref import WeakKeyDictionary

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms import storage
from transforms.functional.elements import TokenizedPart, index_of
from transforms.functional.reviews.reviews import Part
from transforms.functional.tokenization.encoder import load_encoder
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.functional.tokenization.threads import encode_in_threads
from transforms.storage.user_cache.known_words import KnownWords
from transforms.timing import timed

# Reviews for which the fast path gave other tokens than the library, in the check of a sample.
MISMATCHES = "tokenizer-mismatches"


@dataclass(eq=False)
class TokenizeReviews(beam.PTransform):
    """Encode the reviews of each part, without special tokens.

    Args:
        tokenizer_path: Path or URL of a `tokenizer.json` that every worker can read.
        threads: Threads for one part; more than 1 only where a worker has several cores to itself.

    Example:
        `parts`: from `ReadReviews`.

        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     given = pipeline | beam.Create(parts)
        ...     made = given | TokenizeReviews("tests/sample/tokenizer/tokenizer.json")
        ...     _ = made | beam.Map(lambda part: print(len(part.tokens.ids)))
        34840
    """

    tokenizer_path: str
    _: KW_ONLY
    threads: int = 1

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """Return a PCollection of `TokenizedPart`."""
        return parts | "EncodeReviews" >> beam.ParDo(
            _EncodeReviewsFn(self.tokenizer_path, self.threads)
        ).with_output_types(TokenizedPart)


class _EncodeReviewsFn(beam.DoFn):
    def __init__(self, tokenizer_path: str, threads: int) -> None:
        self.tokenizer_path = tokenizer_path
        self.threads = threads
        self.mismatches = Metrics.counter("review_shards", MISMATCHES)
        self.tokenize_part = timed("tokenize", tokenize_part)

    def setup(self) -> None:
        self.tokenizer = shared_tokenizer(self.tokenizer_path)
        self.words = _known_words(self.tokenizer_path)

    def finish_bundle(self) -> None:
        self.words.save()
        self.mismatches.inc(_new_mismatches(self.tokenizer))

    def process(self, part: Part) -> list[TokenizedPart]:
        return [self.tokenize_part(part, self.tokenizer, self.threads)]


def tokenize_part(part: Part, tokenizer: ReviewTokenizer, threads: int = 1) -> TokenizedPart:
    """Encode the reviews of one part."""
    texts = part.reviews.column("text")
    return TokenizedPart(
        key=part.key,
        digest=part.digest,
        index=index_of(part),
        tokens=encode_in_threads(tokenizer, texts, threads),
        texts=texts,
    )


@functools.lru_cache(maxsize=2)
def _document(tokenizer_path: str) -> bytes:
    """Read a tokenizer once a process."""
    return storage.read_bytes(tokenizer_path)


@functools.lru_cache(maxsize=2)
def shared_tokenizer(tokenizer_path: str) -> ReviewTokenizer:
    """Load a tokenizer once a process: its threads share it, and its cache of known words."""
    return ReviewTokenizer(load_encoder(_document(tokenizer_path)))


@functools.lru_cache(maxsize=2)
def _known_words(tokenizer_path: str) -> KnownWords:
    """Give a process's tokenizer the words that earlier jobs have learnt, once."""
    return KnownWords(shared_tokenizer(tokenizer_path), _document(tokenizer_path))


_counting = threading.Lock()
_counted: WeakKeyDictionary[ReviewTokenizer, int] = WeakKeyDictionary()


def _new_mismatches(tokenizer: ReviewTokenizer) -> int:
    """Return how many mismatches came since the last call; threads share a tokenizer."""
    with _counting:
        before = _counted.get(tokenizer, 0)
        _counted[tokenizer] = tokenizer.mismatches
        return tokenizer.mismatches - before
