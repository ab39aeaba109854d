"""The same job on every store, over HTTP: input there, output there, the same hashes as on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from beam_pipeline import clean, verify
from tests.beam_pipeline.jobs import REVIEWS
from tests.stores.jobs import job, job_killed, manifest_of, put_reviews, shard_hashes
from tests.stores.servers import Store
from transforms import storage


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    output = str(tmp_path_factory.mktemp("disk") / "out")
    assert job(str(REVIEWS), output) == 0
    return output


def test_a_job_there_gives_the_shards_that_it_gives_on_disk(
    store: Store, on_disk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = put_reviews(store.url("in/reviews.jsonl")), store.url("out")
    assert job(store.url("in"), output) == 0
    assert len(shard_hashes(output)) > 8
    assert shard_hashes(output) == shard_hashes(on_disk)
    (entry,) = manifest_of(output).inputs
    assert (entry.path, entry.bytes) == (source, REVIEWS.stat().st_size)
    assert entry.identity
    assert verify.main([output]) == 0
    assert clean.main([output]) == 0
    assert "0 files removed" in capsys.readouterr().out
    assert job(store.url("in"), output) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_damage_there_is_found_and_mended(
    store: Store, on_disk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = put_reviews(store.url("in2/reviews.jsonl")), store.url("out2")
    assert job(source, output) == 0
    paths = [path for path, _, _ in shard_hashes(output)]
    storage.remove(storage.join(output, paths[0]))
    storage.write_atomic(storage.join(output, paths[1]), b"damaged")
    assert verify.main([output]) == 1
    said = capsys.readouterr().out
    assert f"{paths[0]}: missing" in said
    assert f"{paths[1]}: 7 bytes instead of" in said
    storage.remove(storage.join(output, "manifest.json"))
    assert job(source, output) == 1
    assert "which it names: put them back" in capsys.readouterr().err
    # As a run leaves it that dies before its end.
    storage.remove(storage.join(output, "manifests"))
    assert job(source, output) == 0
    assert shard_hashes(output) == shard_hashes(on_disk)


@pytest.mark.slow
def test_a_job_killed_there_is_finished_by_a_rerun(
    store: Store, on_disk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = put_reviews(store.url("in3/reviews.jsonl")), store.url("out3")
    found = job_killed(source, output, shards=2)
    assert not storage.exists(storage.join(output, "manifest.json"))
    assert job(source, output) == 0
    assert shard_hashes(output) == shard_hashes(on_disk)
    assert found >= 2
    assert "that an earlier run had finished" in capsys.readouterr().out
    assert verify.main([output]) == 0


@pytest.mark.slow
def test_every_format_is_read_by_ranges(s3: Store, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [f"review {i} was a film " + "long " * (i % 50) for i in range(20_000)]
    table = pa.table({"text": texts, "other": [str(i) * 20 for i in range(20_000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2_000)
    with pa.ipc.new_file(tmp_path / "b.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=2_000)
    (tmp_path / "c.txt").write_text("\n".join(texts))
    for file in sorted(tmp_path.iterdir()):
        storage.write_atomic(s3.url(f"formats/{file.name}"), file.read_bytes())
    part = ("--part_bytes", "400000")
    assert job(s3.url("formats"), s3.url("formats_out"), *part) == 0
    assert job(f"{tmp_path}", f"{tmp_path}/.out", *part) == 0
    assert shard_hashes(s3.url("formats_out")) == shard_hashes(f"{tmp_path}/.out")
