from pathlib import Path

import pytest

from beam_pipeline.plan.changed_inputs import compare_inputs
from beam_pipeline.plan.input_files import InputFile
from transforms.functional.dataset.manifest_entries import InputEntry
from transforms.functional.errors import OutputError
from transforms.functional.reviews.bad_files import BadFile

BEFORE = [InputEntry(path=f"/data/{name}", bytes=1, identity="x") for name in ("a.txt", "b/c.txt")]


def file(path: str, identity: str = "x") -> InputFile:
    return InputFile(path=path, bytes=1, identity=identity)


def test_files_are_told_apart_by_path_and_identity() -> None:
    found = compare_inputs(
        ["/data"], [file("/data/a.txt", "y"), file("/data/b/c.txt"), file("/data/d.txt")], BEFORE
    )

    assert found.new == [file("/data/d.txt")]
    assert found.changed == ["/data/a.txt"]
    assert found.vanished == []
    with pytest.raises(OutputError, match=r"^/data/a\.txt has changed since it was added: "):
        found.check(ignore_changed=False, ignore_vanished=True)
    found.check(ignore_changed=True, ignore_vanished=False)


@pytest.mark.parametrize(
    ("pattern", "vanished"),
    [
        ("/data", ["/data/a.txt", "/data/b/c.txt"]),
        ("/data/", ["/data/a.txt", "/data/b/c.txt"]),
        ("file:///data", ["/data/a.txt", "/data/b/c.txt"]),
        ("/data/*.txt", ["/data/a.txt"]),
        ("/data/*", ["/data/a.txt", "/data/b/c.txt"]),
        ("/data/b", ["/data/b/c.txt"]),
        ("/dat", []),
        ("/data/tonight", []),
        ("/elsewhere", []),
    ],
)
def test_only_what_the_input_covers_can_vanish(pattern: str, vanished: list[str]) -> None:
    assert compare_inputs([pattern], [], BEFORE).vanished == vanished


def test_members_vanish_with_their_archive() -> None:
    before = [InputEntry(path="tar://pos/0.txt::/data/a.tar.gz", bytes=1, identity="x")]

    assert compare_inputs(["/data/a.tar.gz"], [], before).vanished == [before[0].path]
    assert compare_inputs(["/data/b.tar.gz"], [], before).vanished == []


def test_relative_patterns_cover_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [InputEntry(path=f"{tmp_path}/in/a.txt", bytes=1, identity="x")]

    assert compare_inputs(["in/*.txt"], [], before).vanished == [before[0].path]


def test_urls_are_compared_without_their_secrets() -> None:
    signed = "https://host/a.txt?sig=one"
    before = [InputEntry(path="https://host/a.txt?sig=***", bytes=1, identity="x")]

    found = compare_inputs([signed], [file(signed)], before)

    assert (found.new, found.changed, found.vanished) == ([], [], [])


def test_what_changed_and_what_vanished_are_said_apart_each_with_its_flag() -> None:
    found = compare_inputs(["/data"], [file("/data/a.txt", "y")], BEFORE)
    assert (found.changed, found.vanished) == (["/data/a.txt"], ["/data/b/c.txt"])

    def error(*, changed: bool, vanished: bool, compared: bool = False) -> str:
        with pytest.raises(OutputError) as raised:
            found.check(ignore_changed=changed, ignore_vanished=vanished, compared=compared)
        return str(raised.value)

    assert error(changed=False, vanished=False).startswith(
        "/data/a.txt has changed since it was added; /data/b/c.txt has vanished since it was "
        "added: put it back, pass --ignore_changed and --ignore_vanished to keep"
    )
    assert "pass --ignore_vanished to" in error(changed=True, vanished=False)
    assert "pass --ignore_changed to" in error(changed=False, vanished=True)
    assert "--dedup exact reads it again" in error(changed=True, vanished=True, compared=True)
    found.check(ignore_changed=True, ignore_vanished=True)


LEFT_OUT = [BadFile(source=1, records=10, rejected=5, reason="no JSON")]


@pytest.mark.parametrize(
    ("now", "limit", "new", "left_out"),
    [
        ("x", 0.01, [], ["/data/b/c.txt"]),  # Nothing has changed: it would be left out again.
        ("y", 0.01, ["/data/b/c.txt"], []),  # Perhaps somebody has corrected it.
        ("x", 0.5, ["/data/b/c.txt"], []),  # The limit allows it now.
    ],
)
def test_a_file_that_was_left_out_is_tried_again_where_that_may_end_otherwise(
    now: str, limit: float, new: list[str], left_out: list[str]
) -> None:
    files = [file("/data/a.txt"), file("/data/b/c.txt", now)]

    found = compare_inputs(
        ["/data"], files, BEFORE, quarantined=LEFT_OUT, max_rejected_fraction=limit
    )

    assert [one.path for one in found.new] == new
    assert (found.changed, found.vanished, found.left_out) == ([], [], left_out)


def test_a_file_that_was_left_out_may_vanish_and_is_an_input_like_others_once_it_is_added() -> None:
    gone = compare_inputs(["/data"], [file("/data/a.txt")], BEFORE, quarantined=LEFT_OUT)
    assert (gone.changed, gone.vanished, gone.left_out) == ([], [], [])

    added = [*BEFORE, InputEntry(path="/data/b/c.txt", bytes=1, identity="y")]
    files = [file("/data/a.txt"), file("/data/b/c.txt", "z")]
    found = compare_inputs(["/data"], files, added, quarantined=LEFT_OUT)
    assert (found.new, found.changed) == ([], ["/data/b/c.txt"])
