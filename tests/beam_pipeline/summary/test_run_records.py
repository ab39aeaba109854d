from pathlib import Path

from beam_pipeline.summary.record import find_record, keep_record, record_path, when_made


def test_a_record_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    for exit_reason in ("done", "another"):
        record = {"exit_reason": exit_reason, "ended": "2026-03-30T00:00:05Z"}
        keep_record(str(tmp_path), 3, record)
    assert find_record(str(tmp_path), 3) == {**record, "exit_reason": "done"}
    made = when_made(find_record(str(tmp_path), 3))
    assert made is not None
    assert made.isoformat() == "2026-03-30T00:00:05+00:00"


def test_no_record_and_a_damaged_one_say_nothing(tmp_path: Path) -> None:
    assert find_record(str(tmp_path), 3) is None
    path = tmp_path / record_path(3)
    path.parent.mkdir()
    for text in ("{", "[]", "{}"):
        path.write_text(text)
        assert find_record(str(tmp_path), 3) is None
    assert when_made(None) is None
    assert when_made({"ended": "some time"}) is None
