"""Files by path or URL, local or in a store: the one place that opens, writes and lists."""

from transforms.functional.safe_urls import mask_secrets as mask_secrets
from transforms.storage.paths import (
    absolute_path as absolute_path,
    is_link as is_link,
    is_local as is_local,
    join as join,
    locate as locate,
    real_path as real_path,
)
from transforms.storage.reading import (
    changed as changed,
    exists as exists,
    file_sizes as file_sizes,
    info_of as info_of,
    linked_folders as linked_folders,
    list_files as list_files,
    open_input as open_input,
    read_bytes as read_bytes,
    read_if_there as read_if_there,
    vanished as vanished,
)
from transforms.storage.versions import (
    identity_of as identity_of,
    is_version as is_version,
    local_version as local_version,
    version_of as version_of,
)
from transforms.storage.writing import (
    create as create,
    create_from as create_from,
    remove as remove,
    remove_empty_folder as remove_empty_folder,
    write_atomic as write_atomic,
)
