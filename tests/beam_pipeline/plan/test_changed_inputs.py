from pathlib import Path

import pytest

from beam_pipeline.plan.changed_inputs import compare_inputs
from beam_pipeline.plan.listing import InputFile
from transforms.functional.dataset.manifest import InputEntry
from transforms.functional.errors import OutputError

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
        found.check_unchanged()


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
