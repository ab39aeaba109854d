"""What an archive says of itself is not believed."""

import gzip
import io
import tarfile

import pytest

from transforms.functional.errors import InputError
from transforms.functional.unpacking.archives import list_members


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
@pytest.mark.parametrize("size", [1 << 60, 1 << 40])
def test_a_member_larger_than_its_archive_is_refused_with_its_name(name, size):
    info = tarfile.TarInfo("in/huge.txt")
    info.size = size
    data = info.tobuf(tarfile.GNU_FORMAT) + b"text" + bytes(2044)
    stream = io.BytesIO(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(InputError, match=r"a\.tar.*'in/huge.txt' claims .* bytes, which the archi"):
        list_members(stream, "tar", name)
