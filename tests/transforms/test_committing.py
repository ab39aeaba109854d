import dataclasses
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from tests.transforms.functional.dataset.test_commit import DRAFT, INPUTS, READ, SHARDS, complete
from transforms.committing import WriteManifest
from transforms.storage.generations import read_manifest


def commit(output: Path, **changes: object) -> None:
    read = changes.get("read", READ)
    shards = changes.get("shards", SHARDS)
    inputs = output / "inputs.parquet"
    inputs.write_bytes(INPUTS.to_parquet())
    draft = dataclasses.replace(DRAFT, max_rejected_fraction=changes.get("fraction", 0.5))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        receipts = (
            pipeline | "Read" >> beam.Create(read),
            pipeline | "Shards" >> beam.Create(shards),
        )
        names = pipeline | "Names" >> beam.Create([{"neg": 0, "pos": 1}])
        labels = names if "labels" in changes else None
        receipts | WriteManifest(str(output / "out"), draft, str(inputs), label_numbers=labels)


def test_the_receipts_become_the_manifest(tmp_path: Path) -> None:
    commit(tmp_path, read=READ[::-1], shards=SHARDS[::-1])

    manifest = tmp_path / "out/manifest.json"
    assert manifest.read_text("utf-8") == complete().dumps()
    assert (tmp_path / "out/manifests/000001.json").read_bytes() == manifest.read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        "manifests",
    ]


def test_label_numbers_are_a_side_input(tmp_path: Path) -> None:
    commit(tmp_path, labels=True)

    assert read_manifest(str(tmp_path / "out")).label_numbers == {"neg": 0, "pos": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"read": READ[1:]}, "split 0 came with parts"),
        ({"shards": SHARDS[1:]}, "reviews were read, but"),
        ({"fraction": 0.1}, "3 of 13 records were rejected"),
    ],
)
def test_what_does_not_add_up_leaves_no_manifest(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        commit(tmp_path, **changes)

    assert not (tmp_path / "out").exists()
