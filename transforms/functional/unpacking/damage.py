"""What reading a damaged file raises, and the error that names the file instead."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from transforms.functional.errors import InputError, damage_of

# What damaged or truncated files raise, through Arrow and the decompressors of Python.
DAMAGE = (
    pa.ArrowException,
    UnicodeDecodeError,  # A name in a file's metadata.
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)


@contextmanager
def naming(
    path: str, kind: str, damage: tuple[type[BaseException], ...] = DAMAGE
) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read; damage becomes an `InputError`.

    Args:
        path: Its path or URL.
        kind: What it should be.
        damage: What is raised where it is not.
    """
    try:
        yield
    except InputError as error:
        text = str(error)
        raise type(error)(text if text.startswith(path) else f"{path}: {text}") from None
    except damage as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise damage_of(error)(
            f"{path}: not readable as {kind} (damaged or cut short?): {why}"
        ) from error
