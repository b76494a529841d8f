"""A segment gives back what it was made of, explains itself to a stranger, and is refused when it is not whole."""

import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from eucora.journal.ledger import ENTRY_COLUMNS
from eucora.journal.segment import NotASegment, Row, Segment, decode, encode, segment_of

NUMBERS = st.integers(0, 2**63 - 1)
MAYBE_BYTES = st.none() | st.binary(max_size=300)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Row, ...]:
    """Rows of one place and epoch, one position after the other."""
    epoch, shard, lane, first = draw(st.tuples(*map(st.integers, (1, 0, 0, 1), (9, 255, 1, 2**62))))
    rows = draw(
        st.lists(
            st.tuples(
                *(TIMES, st.uuids(), st.uuids(), st.integers(1, 2**31 - 1), NUMBERS, NUMBERS, NUMBERS),
                *(st.none() | st.uuids(), st.text(max_size=50), st.binary(max_size=300), st.binary(max_size=80)),
                *(
                    st.binary(max_size=32),
                    st.none() | st.text(max_size=80),
                    MAYBE_BYTES,
                    st.none() | NUMBERS,
                    MAYBE_BYTES,
                ),
            ),
            min_size=1,
            max_size=20,
        )
    )
    return tuple(Row(shard, lane, first + n, epoch, *row) for n, row in enumerate(rows))


def row(position: int, **more: Any) -> Row:
    of_it: dict[str, Any] = dict.fromkeys(ENTRY_COLUMNS) | {
        "shard": 3, "lane": 1, "position": position, "epoch": 1, "received": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "device": uuid.UUID(int=1), "stream": uuid.UUID(int=2), "stream_number": 1, "sequence": position,
        "first_item": 1, "last_item": 2, "keyid": "k", "signed": b'"eucora-sequence": 9', "signature": bytes(64),
        "digest": bytes(32), "key_no": 7, "body": b"sealed",
    }  # fmt: skip
    return Row(**(of_it | more))


def test_a_row_has_the_columns_of_an_entry_in_their_order() -> None:
    assert Row.__struct_fields__ == ENTRY_COLUMNS


@given(neighbours())
@settings(deadline=None)
def test_what_is_decoded_is_what_was_encoded_and_the_same_rows_give_the_same_bytes(rows: tuple[Row, ...]) -> None:
    segment = segment_of(rows)
    data = encode(segment)
    assert decode(data) == segment
    assert decode(data).entries == rows
    assert encode(segment_of(rows)) == data


def test_a_stranger_reads_it_with_zstd_and_messagepack_alone() -> None:
    plain = zstandard.ZstdDecompressor().decompress(encode(segment_of((row(11), row(12)))))
    told = msgspec.msgpack.decode(plain)
    entries = told.pop("entries")
    assert told == {
        "format": "eucora-journal-segment", "version": 1, "epoch": 1, "shard": 3, "lane": "replay",
        "first": 11, "last": 12, "columns": list(ENTRY_COLUMNS),
    }  # fmt: skip
    named = [dict(zip(told["columns"], entry, strict=True)) for entry in entries]
    assert [entry["position"] for entry in named] == [11, 12]
    assert (named[0]["signed"], named[0]["body"]) == (b'"eucora-sequence": 9', b"sealed")
    assert named[0]["received"] == datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.mark.parametrize(
    "rows",
    [
        (row(1), row(3)),
        (row(2), row(1)),
        (row(1), row(1)),
        (row(1), row(2, shard=4)),
        (row(1), row(2, lane=0)),
        (row(1), row(2, epoch=2)),
    ],
    ids=["a hole", "backwards", "twice", "another shard", "another lane", "another epoch"],
)
def test_rows_that_are_not_neighbours_are_no_segment(rows: tuple[Row, ...]) -> None:
    with pytest.raises(NotASegment):
        segment_of(rows)


def raw(**altered: Any) -> bytes:
    """A segment as someone else might write it."""
    whole = msgspec.to_builtins(segment_of((row(1), row(2))), builtin_types=(bytes, datetime, uuid.UUID))
    return zstandard.compress(msgspec.msgpack.encode(whole | altered))


def test_what_another_wrote_is_read_when_it_is_right() -> None:
    assert isinstance(decode(raw()), Segment)


@pytest.mark.parametrize(
    "altered",
    [{"format": "x"}, {"version": 2}, {"first": 2}, {"last": 3}, {"epoch": 2}, {"lane": "live"}, {"columns": ["body"]}],
    ids=str,
)
def test_a_header_that_names_something_else_is_refused(altered: dict[str, Any]) -> None:
    with pytest.raises(NotASegment):
        decode(raw(**altered))


@given(st.integers(0, 2_000), st.integers(1, 255))
@settings(deadline=None, max_examples=200)
def test_an_object_with_a_changed_byte_is_refused_or_says_the_same(at: int, flip: int) -> None:
    segment = segment_of((row(1), row(2)))
    data = bytearray(encode(segment))
    data[at % len(data)] ^= flip
    with suppress(NotASegment):
        assert decode(bytes(data)) == segment


@given(st.integers(0, 2_000))
@settings(deadline=None)
def test_a_part_of_an_object_is_refused(length: int) -> None:
    data = encode(segment_of((row(1), row(2))))
    with pytest.raises(NotASegment):
        decode(data[: length % len(data)])


def test_a_frame_that_wants_too_much_memory_is_refused() -> None:
    with pytest.raises(NotASegment, match="memory"):
        decode(zstandard.compress(bytes(256 * 2**20 + 1), 1))
