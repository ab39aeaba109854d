"""What was counted of a part is found by the part it is of, and by no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests import jobs
from tests.transforms.test_tokenization import TOKENIZER, part_of
from transforms.functional.tokenization.review_tokenizer import ReviewTokenizer
from transforms.measuring import measure_part
from transforms.storage.lease import lease
from transforms.storage.run_writes import Notes
from transforms.tokenization import tokenize_part

PART = part_of(["A good film.", "Unwatchable!"], [1, 0])
OTHER = part_of(["Another film.", "Unwatchable!"], [1, 0])


def test_a_note_is_found_for_the_same_part_of_the_same_job(tmp_path: Path) -> None:
    tokenized = tokenize_part(PART, ReviewTokenizer(TOKENIZER.read_bytes()))
    counted = measure_part(tokenized, str(jobs.TOKENIZER / "tokenizer.json"), 1)
    with lease(str(tmp_path / "out")) as held:
        notes = Notes(folder=str(tmp_path / "notes"), fingerprint="f00d", lease=held)
        assert notes.find(PART) is None

        notes.write(tokenized, counted)
        notes.write(tokenized, counted)

        found = notes.find(PART)
        assert found is not None
        assert found.statistics.reviews == 2
        assert found.run == notes.run == held.token
        assert notes.find(OTHER) is None
        assert replace(notes, fingerprint="beef").find(PART) is None
    assert replace(notes, lease=None).run != found.run
