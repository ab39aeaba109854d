"""Where a dataset is: a local folder or a URL, and its manifest."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.dataset.manifest import MANIFEST_NAME, Manifest
from transforms.functional.errors import DatasetError, InputError

# Where a dataset keeps the manifests of earlier generations.
MANIFESTS_FOLDER = "manifests"


@dataclass(frozen=True)
class Location:
    """A folder on a file system; every file of a dataset lies below it.

    Attributes:
        url: The folder, as the user gave it.
        folder: The folder on its file system, without a slash at the end.
        manifest: Path of the manifest below the folder.
    """

    url: str
    folder: str
    manifest: str

    @property
    def filesystem(self) -> Any:
        """The fsspec file system; asked for anew, since clients do not survive a fork."""
        return fsspec.core.url_to_fs(self.url)[0]

    @property
    def is_local(self) -> bool:
        """True for folders of this machine."""
        return isinstance(self.filesystem, LocalFileSystem)

    def path(self, name: str) -> str:
        """Return the path of a file below the folder."""
        return f"{self.folder}/{name}"

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: there is none.
            OSError: it cannot be read.
        """
        data: bytes = self.filesystem.cat_file(self.path(name))
        return data


def locate(url: str) -> Location:
    """Return the location of a dataset.

    Args:
        url: Its folder, for its newest manifest; or one of its manifests, to stay with that one.

    Raises:
        DatasetError: the URL's protocol is unknown, or needs a package that is missing.
    """
    root, manifest = split_manifest(url)
    try:
        _, folder = fsspec.core.url_to_fs(root)
    except (ValueError, ImportError) as error:
        why = " ".join(str(error).split())
        raise DatasetError(
            f"cannot open {url}: {why} (see the extras s3, gcs, azure, hf)"
        ) from error
    return Location(root, folder.rstrip("/"), manifest)


def split_manifest(url: str) -> tuple[str, str]:
    """Return a dataset's folder, and the path of the manifest below it, that a URL names.

    `shards` names `manifest.json` in it; `shards/manifests/000003.json` an earlier generation.
    """
    if not url.endswith(".json"):
        return url, MANIFEST_NAME
    folder, name = posixpath.split(url)
    parent, last = posixpath.split(folder)
    if last == MANIFESTS_FOLDER:
        folder, name = parent, f"{last}/{name}"
    return folder or ".", name


def read_manifest(location: Location) -> Manifest:
    """Return the manifest of the dataset at a location.

    Raises:
        DatasetError: there is none, or it cannot be read, is damaged, or of a newer format.
    """
    try:
        return Manifest.loads(location.read(location.manifest), location.read)
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(
            f"{location.url} has no {location.manifest}, so it is no finished dataset: run "
            f"`python -m beam_pipeline --output {location.url} ...` to its end, or correct the path"
        ) from None
    except InputError as error:
        raise DatasetError(f"{location.url}: {error}") from error
    except OSError as error:
        why = error.strerror or " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"cannot read {location.url}/{location.manifest}: {why}") from error
