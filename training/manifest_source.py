"""Where a dataset is: a local folder or a URL, and its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from transforms.functional.errors import DatasetError, InputError
from transforms.functional.manifest import MANIFEST_NAME, Manifest


@dataclass(frozen=True)
class Location:
    """A folder on a file system; every file of a dataset lies below it.

    Attributes:
        url: What the user gave.
        filesystem: The fsspec file system.
        folder: The folder on it, without a slash at the end.
    """

    url: str
    filesystem: Any
    folder: str

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
    """Return the location of a dataset's folder.

    Raises:
        DatasetError: the URL's protocol is unknown, or needs a package that is missing.
    """
    try:
        filesystem, folder = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        why = " ".join(str(error).split())
        raise DatasetError(
            f"cannot open {url}: {why} (see the extras s3, gcs, azure, hf)"
        ) from error
    return Location(url, filesystem, folder.rstrip("/"))


def read_manifest(location: Location) -> Manifest:
    """Return the manifest of the dataset at a location.

    Raises:
        DatasetError: there is none, or it cannot be read, is damaged, or of a newer format.
    """
    try:
        return Manifest.loads(location.read(MANIFEST_NAME))
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(
            f"{location.url} has no {MANIFEST_NAME}, so it is no finished dataset: run "
            f"`python -m beam_pipeline --output {location.url} ...` to its end, or correct the path"
        ) from None
    except InputError as error:
        raise DatasetError(f"{location.url}: {error}") from error
    except OSError as error:
        why = error.strerror or " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"cannot read {location.url}/{MANIFEST_NAME}: {why}") from error
