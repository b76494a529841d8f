"""The shapes in which batches move through the platform, from the door to the stores. Frozen; no behaviour."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from eucora_wire.answer import Lane, Receipt
from eucora_wire.clock import Sent
from eucora_wire.envelope import Seal, Signed
from eucora_wire.payload import Payload
from eucora_wire.problems import ItemProblem

LANES: tuple[Lane, ...] = ("live", "replay")
LIVE, REPLAY = 0, 1

CORRECTED, UNCERTAIN, LATE, CUT = 1, 2, 4, 8
"""Marks of an archive row: time corrected · the correction is a guess · came by the replay lane · cut to received."""


class Verdict(Struct, frozen=True, omit_defaults=True):
    """What validation found wrong with a signed batch. `slug` names a fault of the whole batch, else items stand alone."""

    slug: str = ""
    items: tuple[ItemProblem, ...] = ()


class Checked(Struct, frozen=True, gc=False):
    """A batch whose signature holds, ready for the journal. `body` is as it travelled (compressed), None if not kept."""

    seal: Seal
    signed: Signed
    sent: str | None
    lane: Lane
    verdict: Verdict | None
    body: bytes | None


AppendOutcome = Literal["appended", "duplicate", "known", "fork", "too-many-gaps", "unknown-device", "revoked-device"]


class Appended(Struct, frozen=True, gc=False):
    """What became of one batch in the append transaction. `missing` for too-many-gaps; `erased`: its body was not kept;

    `new_stream`, of a fork: it may begin one; else the stream is held until an operator has said what it was.
    """

    outcome: AppendOutcome
    receipt: Receipt | None = None
    missing: tuple[int, ...] = ()
    erased: bool = False
    new_stream: bool = False
    lacks: tuple[tuple[int, int], ...] = ()


class Entry(Struct, frozen=True, gc=False):
    """One journal entry as read, its body opened and still compressed; None when it was not kept or its key is gone."""

    shard: int
    lane: int
    position: int
    epoch: int
    received: datetime
    device: uuid.UUID
    stream: uuid.UUID
    stream_number: int
    sequence: int
    subject: uuid.UUID | None
    keyid: str
    headers: Mapping[str, str]
    sent: Sent | None
    digest: bytes
    verdict: Verdict | None
    key_no: int | None
    body: bytes | None


class Item(Struct, frozen=True, gc=False):
    """One payload after normalising: corrected time, order key (stream_number, ordinal), where it stands in the journal."""

    payload: Payload
    device: uuid.UUID
    subject: uuid.UUID | None
    stream: uuid.UUID
    stream_number: int
    ordinal: int
    time: datetime
    shift_ms: int
    marks: int
    received: datetime
    shard: int
    lane: int
    position: int
    policy: str
    key_no: int | None


class DeadLetter(Struct, frozen=True, gc=False):
    """One item that can't be stored: the reason from the registry of problems, the field, the item's own bytes."""

    stream: uuid.UUID
    stream_number: int
    ordinal: int
    device: uuid.UUID
    subject: uuid.UUID | None
    shard: int
    lane: int
    position: int
    received: datetime
    reason: str
    path: str
    detail: str
    key_no: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one batch changes: items by the section they carry, rows for the archive, dead letters."""

    items: tuple[Item, ...]
    sections: Mapping[str, tuple[Item, ...]]
    metrics: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    dead: tuple[DeadLetter, ...] = ()
    known: Any = None
