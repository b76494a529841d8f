"""Rows of journal_entries as entries: headers from what was signed, bodies opened. One bad body stops nobody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eucora import sealing
from eucora.batch import Entry, Verdict
from eucora_wire.clock import Sent, parse_sent

_VERDICT = msgspec.json.Decoder(Verdict)
READ = (
    "shard", "lane", "position", "epoch", "received", "device", "stream", "stream_number", "sequence", "subject",
    "keyid", "signed", "sent", "digest", "verdict", "key_no", "body",
)  # fmt: skip
"""What `read` gives of a row, in this order."""

Row = Sequence[Any]

as_read = attrgetter(*READ)
"""What `read` gives, of a row of a segment."""

DAMAGED = Verdict("unreadable")
"""The key is there and the body does not open: it becomes a dead letter, not a silence."""


def place_of(row: Row) -> tuple[int, int, int]:
    """Shard, lane, position."""
    return row[0], row[1], row[2]


def received_of(row: Row) -> datetime:
    """When it was received."""
    received: datetime = row[4]
    return received


def key_needed(row: Row) -> int | None:
    """The number of the key that its body lies under; None where there is no body."""
    return None if row[-1] is None else row[-2]


def entry_of(row: Row, keys: Mapping[int, AESGCM | None]) -> Entry:
    """An entry from a row of `read`. `body` is None when it was not kept (key_no None) or its key is gone."""
    shard, lane, position, epoch, received, device, stream, number, sequence = row[:9]
    subject, keyid, signed, sent, digest, verdict, key_no, body = row[9:]
    judged = None if verdict is None else _VERDICT.decode(verdict)
    key = None if key_no is None else keys.get(key_no)
    if body is not None:
        body, judged = _open(key, body, digest, judged)
    return Entry(
        shard, lane, position, epoch, received, device, stream, number, sequence,
        subject, keyid, headers_of(signed), _sent(sent), digest, judged, key_no, body,
    )  # fmt: skip


def headers_of(base: bytes) -> dict[str, str]:
    """The covered headers, from a signature base (RFC 9421 §2.5: one line each, `"name": value`, parameters last)."""
    return dict([line[1:].split('": ', 1) for line in base.decode().split("\n")[:-1]])


def _open(
    key: AESGCM | None, body: bytes, digest: bytes, verdict: Verdict | None
) -> tuple[bytes | None, Verdict | None]:
    if key is None:
        return None, verdict
    try:
        return sealing.open_sealed(key, body, digest), verdict
    except sealing.Unopenable:
        return None, verdict or DAMAGED


def _sent(text: str | None) -> Sent | None:
    """It is not signed: what can't be read was not sent."""
    if text is None:
        return None
    try:
        return parse_sent(text)
    except ValueError:
        return None
