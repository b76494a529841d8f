"""What a body was packed with is there, unchanged, wherever it is read; and it learnt from nobody."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import zstandard
from docs.dictionary import SAMPLES, bodies
from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.packing import pack, unpack
from eucora_wire import dictionary
from eucora_wire.dictionary import DIGESTS, FOLDER, PLAIN, UnknownDictionary, content, newest, number_of

numbers = st.sampled_from([PLAIN, *DIGESTS])
PACKED_ON_THE_DAY_OF_32769 = "KLUv/SIBgH+1AQCzAwlFKpUiUzob4RzBIvI7ZkeX5tU8ntUpo/RpcLKHMcmek9jSbRUE/NcQFrS04U9iedq/4Qw="
SAID = (
    b'[{"device_id":"0199a1c2-7c1b-7d3e-9f10-0123456789ab","timestamp":"2026-11-24T03:58:00Z",'
    b'"hardware":{"cpu":12.5,"memory":61.0}}]'
)


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    yield
    content.cache_clear()
    newest.cache_clear()


@given(plain=st.binary(max_size=3000), number=numbers)
def test_what_was_packed_is_unpacked_as_it_was_and_names_what_it_needs(plain: bytes, number: int) -> None:
    body = pack(plain, number)
    assert (unpack(body), number_of(body)) == (plain, number)


@given(
    number=st.integers(1, 2**31 - 1),
    size=st.one_of(st.none(), st.integers(0, 600)),
    window_log=st.integers(10, 23),
)
def test_the_number_in_a_frame_is_read_as_zstd_reads_it(number: int, size: int | None, window_log: int) -> None:
    wanted = zstandard.ZstdCompressionParameters(window_log=window_log, write_dict_id=True)
    learnt = zstandard.train_dictionary(256, [b"telemetry, %d" % (n * 7919) for n in range(200)], dict_id=number)
    packer = zstandard.ZstdCompressor(compression_params=wanted, dict_data=learnt)
    if size is None:
        stream = packer.compressobj()
        body = stream.compress(b"x") + stream.flush()
    else:
        body = packer.compress(b"x" * size)
    assert number_of(body) == zstandard.get_frame_parameters(body).dict_id == number


@given(st.binary(max_size=40))
def test_what_is_no_frame_names_none_and_a_frame_cut_short_breaks_nothing(body: bytes) -> None:
    assert body[:4] == dictionary.MAGIC or number_of(body) == PLAIN
    assert number_of(dictionary.MAGIC + body) >= 0


@pytest.mark.parametrize("number", DIGESTS)
def test_a_file_is_what_it_was_when_it_was_published_and_names_itself(number: int) -> None:
    content = (FOLDER / f"{number}.zdict").read_bytes()
    assert hashlib.sha256(content).hexdigest() == DIGESTS[number]
    assert zstandard.ZstdCompressionDict(content).dict_id() == number
    assert number >= 2**15  # those below are registered ones (RFC 8878, 5)


def test_none_was_taken_away_and_no_file_is_unknown() -> None:
    assert 32769 in DIGESTS
    assert {file.name for file in FOLDER.iterdir()} == {f"{number}.zdict" for number in DIGESTS}
    assert newest() == max(DIGESTS)


def test_a_body_of_then_is_read_today() -> None:
    assert unpack(base64.b64decode(PACKED_ON_THE_DAY_OF_32769)) == SAID


def test_a_dictionary_holds_no_word_but_those_of_invented_machines() -> None:
    """Else somebody's host or package would travel with every agent."""
    invented = b" ".join(bodies(Random(32769), SAMPLES))
    held = words((FOLDER / "32769.zdict").read_bytes())
    assert [word for word in held - words(invented) if not joined(word, invented)] == []
    assert {b"device_id", b"hardware", b"throughput_mbps", b"coretemp Package id 0"} <= held


def words(text: bytes) -> set[bytes]:
    """Names and texts between quotation marks."""
    return set(re.findall(rb'(?<=")[A-Za-z0-9 ./_:+=@?-]{3,}(?=")', text))


def joined(word: bytes, text: bytes) -> bool:
    """Where one stretch of the dictionary ends in a word, and the next begins in another."""
    return any(b'"' + word[:n] in text and word[n:] + b'"' in text for n in range(1, len(word)))


def test_it_pays_for_the_payload_of_a_minute() -> None:
    fresh = [body for body in bodies(Random(7), 100) if body.count(b"device_id") == 1]
    plain, packed = (sum(len(pack(body, number)) for body in fresh) for number in (PLAIN, newest()))
    assert packed < 0.55 * plain


def test_a_number_that_is_not_known_is_told_apart_from_a_damaged_body() -> None:
    learnt = zstandard.train_dictionary(1024, list(bodies(Random(1), 200)), dict_id=40_000)
    body = zstandard.ZstdCompressor(dict_data=learnt).compress(SAID)
    assert number_of(body) == 40_000
    with pytest.raises(UnknownDictionary):
        unpack(body)
    with pytest.raises(zstandard.ZstdError):
        unpack(pack(SAID, newest())[:-5])


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_a_damaged_file_is_never_packed_with(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in DIGESTS if damage == "altered" else ():
        altered = bytearray((FOLDER / f"{number}.zdict").read_bytes())
        altered[-1] ^= 1
        (tmp_path / f"{number}.zdict").write_bytes(altered)
    monkeypatch.setattr(dictionary, "FOLDER", tmp_path)
    content.cache_clear()
    newest.cache_clear()
    assert newest() == PLAIN
    with pytest.raises(UnknownDictionary):
        unpack(base64.b64decode(PACKED_ON_THE_DAY_OF_32769))
