"""A segment: neighbouring entries of one shard and lane as one object that explains itself. Pure; nothing is decrypted.

A zstd frame around one MessagePack map: format, version, epoch, shard, lane, first, last, the names of the columns, and
the entries in order, each an array in the order of the columns. `zstd -d` and any MessagePack reader open it; headers,
signatures and digests are in clear, bodies under the keys that they came to lie under.
"""

import uuid
from datetime import datetime
from typing import Literal

import msgspec
import zstandard
from msgspec import Struct

from eucora.journal.ledger import ENTRY_COLUMNS, LANE_NAME

MOST_INFLATED = 256 * 2**20
"""Far beyond what is ever written: a frame that wants more memory is not ours."""


class NotASegment(ValueError):
    """The bytes are no segment, or its positions are not those that its header names."""


class Row(Struct, frozen=True, array_like=True, gc=False):
    """A row of journal_entries, in the order of ENTRY_COLUMNS."""

    shard: int
    lane: int
    position: int
    epoch: int
    received: datetime
    device: uuid.UUID
    stream: uuid.UUID
    stream_number: int
    sequence: int
    first_item: int
    last_item: int
    subject: uuid.UUID | None
    keyid: str
    signed: bytes
    signature: bytes
    digest: bytes
    sent: str | None
    verdict: bytes | None
    key_no: int | None
    body: bytes | None


class Segment(Struct, frozen=True, kw_only=True, gc=False):
    """What one object holds."""

    format: Literal["eucora-journal-segment"] = "eucora-journal-segment"
    version: Literal[1] = 1
    epoch: int
    shard: int
    lane: Literal["live", "replay"]
    first: int
    last: int
    columns: tuple[str, ...] = ENTRY_COLUMNS
    entries: tuple[Row, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Segment)


def segment_of(rows: tuple[Row, ...]) -> Segment:
    """A segment of at least one entry. Raises NotASegment for rows that are not neighbours."""
    head, tail = rows[0], rows[-1]
    made = Segment(
        epoch=head.epoch,
        shard=head.shard,
        lane=LANE_NAME[head.lane],
        first=head.position,
        last=tail.position,
        entries=rows,
    )
    _check(made)
    return made


def encode(segment: Segment) -> bytes:
    """The object. The same segment gives the same bytes, so that storing it again changes nothing."""
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_ENCODER.encode(segment))


def decode(data: bytes) -> Segment:
    """The inverse of `encode`. Raises NotASegment."""
    try:
        if zstandard.frame_content_size(data) > MOST_INFLATED:
            raise NotASegment("it wants too much memory")
        segment = _DECODER.decode(zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False))
    except (zstandard.ZstdError, msgspec.MsgspecError) as exc:
        raise NotASegment(str(exc)) from exc
    _check(segment)
    return segment


def _check(segment: Segment) -> None:
    """Each position once, in order, and all of them of the header's epoch, shard and lane."""
    place = (segment.epoch, segment.shard, segment.lane)
    for position, row in enumerate(segment.entries, segment.first):
        if row.position != position or (row.epoch, row.shard, LANE_NAME[row.lane]) != place:
            raise NotASegment(f"an entry is not where position {position} should be")
    if segment.columns != ENTRY_COLUMNS or len(segment.entries) != segment.last - segment.first + 1:
        raise NotASegment("its header names other entries")
