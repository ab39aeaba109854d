"""Files by path or URL, local or in a store: the one place that opens, writes and lists."""

from transforms.functional.safe_urls import mask_secrets
from transforms.storage.paths import (
    absolute_path,
    is_link,
    is_local,
    join,
    locate,
    real_path,
)
from transforms.storage.reading import (
    changed,
    exists,
    file_sizes,
    info_of,
    linked_folders,
    list_files,
    open_input,
    read_bytes,
    read_if_there,
    vanished,
)
from transforms.storage.versions import identity_of, is_version, local_version, version_of
from transforms.storage.writing import (
    create,
    create_from,
    remove,
    remove_empty_folder,
    write_atomic,
)

__all__ = [
    "absolute_path",
    "changed",
    "create",
    "create_from",
    "exists",
    "file_sizes",
    "identity_of",
    "info_of",
    "is_link",
    "is_local",
    "is_version",
    "join",
    "linked_folders",
    "list_files",
    "local_version",
    "locate",
    "mask_secrets",
    "open_input",
    "read_bytes",
    "read_if_there",
    "real_path",
    "remove",
    "remove_empty_folder",
    "vanished",
    "version_of",
    "write_atomic",
]
