"""Where a dataset is: a local folder or a URL, and which of its manifests is meant."""

from __future__ import annotations

from dataclasses import dataclass

from transforms import storage
from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.errors import DatasetError, ReviewShardsError
from transforms.storage import generations


@dataclass(frozen=True)
class Location:
    """A folder, local or in a store; every file of a dataset lies below it.

    Attributes:
        url: The folder, as the user gave it.
        manifest: Path of the manifest below the folder.
    """

    url: str
    manifest: str = MANIFEST_NAME

    @property
    def is_local(self) -> bool:
        """True for folders of this machine."""
        return storage.is_local(self.url)

    def path(self, name: str) -> str:
        """Return the path or URL of a file below the folder."""
        return storage.join(self.url, name)

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: there is none.
            DatasetError: it cannot be read.
        """
        try:
            return storage.read_bytes(self.path(name))
        except ReviewShardsError as error:
            raise DatasetError(str(error)) from error


def locate(url: str) -> Location:
    """Return the location of a dataset.

    Args:
        url: Its folder, for its newest manifest; or one of its manifests, to stay with that one.
            `shards` names `manifest.json` in it; `shards/manifests/000003.json` an earlier
            generation.
    """
    return Location(*generations.split_manifest_path(url))


def pin(url: str, manifest: str | None = None) -> str:
    """Return the URL of one generation of a dataset, for who must stay with it.

    Args:
        url: Its folder, or one of its manifests, which stays as it is.
        manifest: Path of the manifest below the folder; default: that of the newest generation.

    Raises:
        DatasetError: there is no dataset, or it has no such manifest.
    """
    location = locate(url)
    if location.manifest != MANIFEST_NAME:
        return url
    if manifest is not None:
        pinned = location.path(manifest)
        if not storage.exists(pinned):
            raise DatasetError(
                f"{url} has no {manifest} any more, which the checkpoint was made with: start "
                f"over, in another --output_dir"
            )
        return pinned
    pinned = generations.generation_path(read_manifest(location).generation)
    return location.path(pinned) if storage.exists(location.path(pinned)) else url


def read_manifest(location: Location) -> Manifest:
    """Return the manifest of the dataset at a location.

    Raises:
        DatasetError: there is none, or it cannot be read, is damaged, or of a newer format.
    """
    try:
        is_there = storage.exists(location.path(location.manifest))
        manifest = generations.read_manifest(location.url, location.manifest) if is_there else None
    except ReviewShardsError as error:
        raise DatasetError(str(error)) from error
    if manifest is None:
        raise DatasetError(
            f"{location.url} has no {location.manifest}, so it is no finished dataset: run "
            f"`python -m beam_pipeline --output {location.url} ...` to its end, or correct the path"
        )
    return manifest
