"""Bodies are unpacked whole or not at all, and a bomb is stopped before it has grown."""

import contextlib
import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.memory import forget_peak, peak

from eucora.pipeline.inflate import WINDOW, InflatesTooMuch, Unreadable, inflate
from eucora_agent.packing import pack
from eucora_wire.dictionary import UnknownDictionary, content, newest

MIB = 2**20


def zstd_that_hides_its_size(body: bytes) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(body) + packer.flush()


def by_a_dictionary(body: bytes) -> bytes:
    return pack(body, newest())


def by_a_dictionary_that_hides_its_size(body: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(content(newest()))).compressobj()
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "zstd": ("zstd", zstandard.compress),
    "zstd, size hidden": ("zstd", zstd_that_hides_its_size),
    "zstd, by a dictionary": ("zstd", by_a_dictionary),
    "zstd, by a dictionary, size hidden": ("zstd", by_a_dictionary_that_hides_its_size),
}
packers = pytest.mark.parametrize("packer", PACKERS)


@packers
@given(body=st.binary(max_size=5000), room=st.integers(0, 50))
def test_what_was_packed_is_unpacked_as_it_was(packer: str, body: bytes, room: int) -> None:
    encoding, pack = PACKERS[packer]
    assert inflate(pack(body), encoding, len(body) + room) == body


@packers
@given(body=st.binary(min_size=1, max_size=5000), lacking=st.integers(1, 5000))
def test_one_byte_too_many_is_too_much(packer: str, body: bytes, lacking: int) -> None:
    encoding, pack = PACKERS[packer]
    with pytest.raises(InflatesTooMuch):
        inflate(pack(body), encoding, max(0, len(body) - lacking))


@pytest.mark.parametrize("packer", [p for p in PACKERS if p != "identity"])
@given(body=st.binary(max_size=300), cut=st.integers(1, 400))
def test_a_body_that_is_cut_short_is_unreadable(packer: str, body: bytes, cut: int) -> None:
    encoding, pack = PACKERS[packer]
    packed = pack(body)
    with pytest.raises(Unreadable):
        inflate(packed[: max(0, len(packed) - cut)], encoding, 10_000)


@pytest.mark.parametrize("packer", [p for p in PACKERS if p != "identity"])
@given(body=st.binary(max_size=300), more=st.binary(min_size=1, max_size=300))
def test_whatever_lies_behind_the_end_makes_it_unreadable(packer: str, body: bytes, more: bytes) -> None:
    encoding, pack = PACKERS[packer]
    with pytest.raises((Unreadable, InflatesTooMuch)):
        inflate(pack(body) + more, encoding, 10_000)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@given(body=st.binary(max_size=2000))
def test_any_bytes_at_all_are_unpacked_or_refused(encoding: str, body: bytes) -> None:
    with contextlib.suppress(Unreadable, InflatesTooMuch, UnknownDictionary):
        assert len(inflate(body, encoding, 1000)) <= 1000


@pytest.mark.parametrize("packer", [p for p in PACKERS if p != "identity"])
@given(body=st.binary(max_size=2000), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless(packer: str, body: bytes, place: int, bit: int) -> None:
    """gzip and zstd need not find it (content-digest does); they must not crash, nor give more than the bound."""
    encoding, pack = PACKERS[packer]
    packed = bytearray(pack(body))
    packed[place % len(packed)] ^= 1 << bit
    with contextlib.suppress(Unreadable, InflatesTooMuch, UnknownDictionary):
        assert len(inflate(bytes(packed), encoding, 4000)) <= 4000


def bomb_in_gzip() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()


def bomb_in_zstd() -> bytes:
    return zstandard.compress(bytes(256 * MIB), 1)


def bomb_in_zstd_that_hides_its_size() -> bytes:
    return zstd_that_hides_its_size(bytes(256 * MIB))


def bomb_that_lies_about_its_size() -> bytes:
    """A frame whose header says 1 MiB, before 256 MiB of zeros."""
    frame = bytearray(zstandard.ZstdCompressor(level=1).compress(bytes(256 * MIB)))
    size = frame.index((256 * MIB).to_bytes(4, "little"))
    frame[size : size + 4] = MIB.to_bytes(4, "little")
    return bytes(frame)


def bomb_by_a_dictionary() -> bytes:
    return by_a_dictionary(bytes(256 * MIB))


def bomb_by_a_dictionary_that_hides_its_size() -> bytes:
    return by_a_dictionary_that_hides_its_size(bytes(256 * MIB))


BOMBS = [
    bomb_by_a_dictionary,
    bomb_by_a_dictionary_that_hides_its_size,
    bomb_in_gzip,
    bomb_in_zstd,
    bomb_in_zstd_that_hides_its_size,
    bomb_that_lies_about_its_size,
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_stopped_before_it_has_grown(bomb: Callable[[], bytes]) -> None:
    packed = bomb()
    before = forget_peak()
    with pytest.raises((InflatesTooMuch, Unreadable)):
        inflate(packed, "gzip" if bomb is bomb_in_gzip else "zstd", 8 * MIB)
    assert peak() - before < 80 * MIB


def test_a_frame_that_wants_more_memory_than_we_lend_is_unreadable() -> None:
    wanting = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=wanting).compressobj()
    packed = packer.compress(b"x" * 10) + packer.flush()
    assert zstandard.get_frame_parameters(packed).window_size > WINDOW
    with pytest.raises(Unreadable):
        inflate(packed, "zstd", MIB)


def test_a_body_whose_dictionary_is_not_here_is_told_apart_from_a_damaged_one() -> None:
    samples = [b"a body of telemetry, number %d" % (n * 7919) for n in range(1_000)]
    learnt = zstandard.train_dictionary(512, samples, dict_id=50_000)
    with pytest.raises(UnknownDictionary):
        inflate(zstandard.ZstdCompressor(dict_data=learnt).compress(samples[0]), "zstd", MIB)
