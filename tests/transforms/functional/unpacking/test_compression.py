import io

import pytest

from tests.transforms.functional.readers.files import COMPRESS, ENDINGS
from transforms.functional.errors import InputError
from transforms.functional.unpacking.compression import compression_of, decompress
from transforms.functional.unpacking.damage import DAMAGE

_TEXT = b"A fine film.\n" * 50_000


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("seekable", [False, True])
def test_decompressed_bytes_are_the_bytes_that_were_compressed(compression, seekable):
    packed = COMPRESS[compression](_TEXT)
    assert decompress(io.BytesIO(packed), compression, seekable=seekable).read() == _TEXT


@pytest.mark.parametrize("compression", COMPRESS)
def test_several_members_are_read_one_after_the_other(compression):
    """`cat a.gz b.gz`, pigz, pbzip2 and friends write such files."""
    packed = COMPRESS[compression](b"one\n") + COMPRESS[compression](_TEXT)
    assert decompress(io.BytesIO(packed), compression).read() == b"one\n" + _TEXT


@pytest.mark.parametrize("compression", COMPRESS)
def test_the_compressed_empty_file_is_empty(compression):
    assert decompress(io.BytesIO(COMPRESS[compression](b"")), compression).read() == b""


@pytest.mark.parametrize("compression", ["gzip", "xz"])
def test_zeros_may_pad_a_file(compression):
    packed = COMPRESS[compression](_TEXT)
    padded = io.BytesIO(packed + bytes(8) + packed + bytes(1 << 20))
    assert decompress(padded, compression).read() == _TEXT + _TEXT


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: b"", id="empty"),
        pytest.param(lambda packed: packed[: len(packed) // 2], id="half"),
        pytest.param(lambda packed: packed[:-1], id="last byte missing"),
        pytest.param(lambda packed: packed + b"garbage", id="garbage behind"),
        pytest.param(lambda packed: packed + packed[:9], id="second member cut"),
        pytest.param(lambda packed: packed + b"X" + packed[1:], id="second member damaged"),
        pytest.param(lambda packed: b"plain text, not compressed\n", id="not compressed"),
    ],
)
def test_damage_is_an_error_and_never_a_short_read(compression, damage):
    with pytest.raises(DAMAGE):
        decompress(io.BytesIO(damage(COMPRESS[compression](_TEXT))), compression).read()


@pytest.mark.parametrize("compression", ["gzip", "bz2", "xz"])  # Arrow's zstd writes no checksum.
def test_a_flipped_byte_is_found_by_the_checksum(compression):
    packed = bytearray(COMPRESS[compression](bytes(range(256)) * 40))
    packed[len(packed) // 2] ^= 0x55
    with pytest.raises(DAMAGE):
        decompress(io.BytesIO(bytes(packed)), compression).read()


@pytest.mark.parametrize("compression", COMPRESS)
def test_reading_in_pieces_of_any_size_gives_the_same_bytes(compression):
    packed = COMPRESS[compression](_TEXT)
    for size in (1000, 4096, 1 << 20):
        stream = decompress(io.BytesIO(packed), compression)
        assert b"".join(iter(lambda s=stream, n=size: s.read(n), b"")) == _TEXT


def test_every_compression_has_an_ending():
    assert {compression_of("a" + ending) for ending in ENDINGS.values()} == set(COMPRESS)


def test_a_zstd_window_that_nobody_has_memory_for_is_named():
    # A frame header: a window of 2 GiB, no content size; then an empty last block.
    data = b"\x28\xb5\x2f\xfd" + bytes([0, 21 << 3]) + b"\x01\0\0"
    with pytest.raises(InputError, match="a window of more than 128 MiB, which is not read"):
        decompress(io.BytesIO(data), "zstd").read()
