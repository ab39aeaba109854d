import json
from pathlib import Path

import pytest
import torch

import tests.training.bucket  # noqa: F401  # The file system of the URLs.
from tests.training.datasets import write_mlm
from training.reading.dataset import ShardDataset
from training.reading.manifest_source import Location, locate, pin
from training.reading.shard_cache import ShardCache
from transforms.functional.errors import DatasetError


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """A dataset of two generations: `manifests/000001.json` names the first two of five shards."""
    folder = write_mlm(tmp_path / "grown")
    content = json.loads((folder / "manifest.json").read_text())
    content["splits"]["train"]["shards"] = content["splits"]["train"]["shards"][:2]
    (folder / "manifests").mkdir()
    (folder / "manifests/000001.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("url", "folder", "manifest"),
    [
        ("shards", "shards", "manifest.json"),
        ("s3://bucket/out/", "s3://bucket/out/", "manifest.json"),
        ("s3://bucket/out/manifest.json", "s3://bucket/out", "manifest.json"),
        ("s3://bucket/manifests/000003.json", "s3://bucket", "manifests/000003.json"),
        ("/data/out/manifests/000003.json", "/data/out", "manifests/000003.json"),
        ("/manifests/000003.json", "/", "manifests/000003.json"),
        ("manifests/000003.json", ".", "manifests/000003.json"),
        ("manifest.json", ".", "manifest.json"),
    ],
)
def test_a_url_names_a_folder_or_one_of_its_manifests(url: str, folder: str, manifest: str) -> None:
    assert locate(url) == Location(folder, manifest)


@pytest.mark.parametrize("protocol", ["", "bucket://"])
def test_a_pinned_manifest_is_read_whatever_the_dataset_became(
    grown: Path, tmp_path: Path, protocol: str
) -> None:
    newest = ShardDataset(grown)
    cache = ShardCache(tmp_path / "cache")

    pinned = ShardDataset(f"{protocol}{grown}/manifests/000001.json", cache=cache)

    assert pinned.shard_rows == newest.shard_rows[:2]
    rows = [len(pinned) - 1, 0]
    assert torch.equal(pinned[rows]["input_ids"], newest[rows]["input_ids"])


def test_the_newest_generation_is_pinned_by_its_number_not_by_how_many_there_are(
    grown: Path,
) -> None:
    """Numbers are missing where a dataset was replaced."""
    content = json.loads((grown / "manifest.json").read_text())
    content["generations"] = [{**content["generations"][0], "number": 3}]
    for name in ("manifest.json", "manifests/000003.json"):
        (grown / name).write_text(json.dumps(content))

    assert pin(str(grown)) == f"{grown}/manifests/000003.json"
    assert pin(f"{grown}/manifests/000001.json") == f"{grown}/manifests/000001.json"


def test_a_manifest_that_is_not_there_is_named(grown: Path) -> None:
    with pytest.raises(DatasetError, match=r"grown has no manifests/000009\.json, so it is no fin"):
        ShardDataset(grown / "manifests/000009.json")


def test_a_dataset_that_grows_is_pinned_by_the_generation_of_a_checkpoint(mlm: Path) -> None:
    assert pin(str(mlm), "manifest.json") == str(mlm / "manifest.json")
    assert pin(str(mlm / "manifest.json").replace("manifest.json", "manifests/000003.json")) == (
        str(mlm / "manifests/000003.json")
    )
    with pytest.raises(DatasetError, match=r"has no manifests/000009.json any more"):
        pin(str(mlm), "manifests/000009.json")
