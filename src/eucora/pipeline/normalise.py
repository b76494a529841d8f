"""Stage 3. Units, names, times and order. Pure; the same entries give the same items on every machine."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec
from msgspec import Struct

from eucora.batch import CORRECTED, CUT, LATE, REPLAY, UNCERTAIN, DeadLetter, Entry, Item
from eucora.clock import shifted, to_ms
from eucora.ids import dead_letter_id
from eucora.pipeline.inflate import InflatesTooMuch, Unreadable, inflate
from eucora.pipeline.units import OutOfRange, normalise_hardware
from eucora.pipeline.variants import normalise_device
from eucora_wire import payload as wire
from eucora_wire.clock import correct, parse_boot
from eucora_wire.dictionary import UnknownDictionary
from eucora_wire.payload import Payload
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.sequence import parse_items
from eucora_wire.state import digest_of_facts

GRACE = timedelta(days=1)
"""A sample may be older than the spool's maximum age by this much: the spool's clock is not ours."""

SETTLED_ALREADY = "erased-subject"


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a sample may be, and how large a body inflated."""

    spool_max_age: timedelta
    inflated_max: int


Resent: TypeAlias = tuple[uuid.UUID, datetime]
"""The letter of a batch whose items came again, and when they did."""


@dataclass(frozen=True, slots=True)
class Normal:
    """Items in the order of their entries, what can't be one, and letters whose items came again in other batches."""

    items: list[Item]
    dead: list[DeadLetter]
    resent: list[Resent] = field(default_factory=list)


class _Times(Struct, frozen=True):
    """What is known of the clock of one entry."""

    shift_ms: int
    marks: int
    oldest: datetime


def normalise(entries: Sequence[Entry], limits: Limits) -> Normal:
    """An erased entry (its key is gone) gives nothing; everything else gives items or dead letters."""
    normal = Normal([], [])
    for entry in entries:
        verdict = entry.verdict
        if "eucora-voids" in entry.headers:  # the first of the new batches begins where the void one began
            first = parse_items(entry.headers["eucora-items"]).first
            normal.resent.append((dead_letter_id(entry.stream, first), entry.received))
        if verdict is not None and verdict.slug:
            if verdict.slug != SETTLED_ALREADY:
                normal.dead.append(_whole(entry, verdict.slug, "", entry.body))
        elif entry.body is not None:
            _normalise_one(entry, limits, normal)
    return normal


def touches(limits: Limits, entry: Entry, since: datetime, until: datetime) -> bool:
    """Whether an entry tells anything of [since, until); of what can't be read, when it was received counts."""
    normal = normalise([entry], limits)
    if any(since <= item.time < until for item in normal.items):
        return True
    return bool(normal.dead) and since <= entry.received < until


def _normalise_one(entry: Entry, limits: Limits, normal: Normal) -> None:
    headers = entry.headers
    refused = {} if entry.verdict is None else {p.item: p for p in entry.verdict.items}
    try:
        body = inflate(entry.body or b"", headers["content-encoding"], limits.inflated_max)
        payloads = _decode(body, one_by_one=bool(refused))
    except UnknownDictionary:  # a door that was updated before this worker took it: it can be replayed
        normal.dead.append(_whole(entry, "unknown-dictionary", "", entry.body))
        return
    except (Unreadable, InflatesTooMuch, msgspec.DecodeError) as exc:
        normal.dead.append(_whole(entry, "unreadable", type(exc).__name__, entry.body))
        return
    ordinals = parse_items(headers["eucora-items"]).carried()
    if len(payloads) != len(ordinals):
        normal.dead.append(_whole(entry, "items-mismatch", "", entry.body))
        return
    times, policy = _times(entry, limits), headers["eucora-policy"]
    for place, (ordinal, payload) in enumerate(zip(ordinals, payloads, strict=True)):
        try:
            if payload is None or ordinal in refused:
                raise _Refused(refused.get(ordinal))
            normal.items.append(_item(entry, ordinal, payload, times, policy))
        except _Refused as exc:
            normal.dead.append(_letter(entry, ordinal, exc.reason, exc.path, exc.detail, _own(body, place)))
        except OutOfRange as exc:
            normal.dead.append(_letter(entry, ordinal, "out-of-range", exc.path, exc.detail, _own(body, place)))
        except _TooOld:
            detail = "its timestamp lies before the spool's maximum age"
            normal.dead.append(_letter(entry, ordinal, "too-old", "$.timestamp", detail, _own(body, place)))


class _Refused(Exception):
    """The door's verdict on one item, or the schema's: that of today may be stricter than that of then."""

    def __init__(self, problem: ItemProblem | None) -> None:
        super().__init__()
        self.reason = "schema" if problem is None else problem.type.removeprefix(BASE)
        self.path = "$" if problem is None else problem.path
        self.detail = "" if problem is None else problem.detail


class _TooOld(Exception):
    """The sample lies before the spool's maximum age."""


def _times(entry: Entry, limits: Limits) -> _Times:
    """One correction an entry (`eucora_wire.clock.correct`)."""
    headers = entry.headers
    boot, clock_ms = parse_boot(headers["eucora-boot"]), int(headers["eucora-clock"])
    found = correct(boot, clock_ms, entry.sent, to_ms(entry.received))
    marks = (LATE if entry.lane == REPLAY else 0) | (UNCERTAIN if found.uncertain else 0)
    marks |= CORRECTED if found.shift_ms else 0
    oldest = entry.received - limits.spool_max_age - GRACE
    return _Times(found.shift_ms, marks, oldest)


def _item(entry: Entry, ordinal: int, payload: Payload, times: _Times, policy: str) -> Item:
    time, marks = payload.timestamp, times.marks
    if times.shift_ms:
        time = shifted(time, times.shift_ms, entry.received)
    if time > entry.received:
        time, marks = entry.received, marks | CUT
    elif time < times.oldest:
        raise _TooOld
    return Item(
        settled(payload),
        entry.device,
        entry.subject,
        entry.stream,
        entry.stream_number,
        ordinal,
        time,
        times.shift_ms,
        marks,
        entry.received,
        entry.shard,
        entry.lane,
        entry.position,
        policy,
        entry.key_no,
        None if payload.device is None else digest_of_facts(payload.device),
    )


def settled(payload: Payload) -> Payload:
    """Its hardware in canonical units, its device facts in canonical words. Raises OutOfRange."""
    hardware, device = payload.hardware, payload.device
    if hardware is not None:
        better = normalise_hardware(hardware)
        if better is not hardware:
            payload = msgspec.structs.replace(payload, hardware=better)
    if device is not None:
        payload = msgspec.structs.replace(payload, device=normalise_device(device))
    return payload


def _decode(body: bytes, *, one_by_one: bool) -> Sequence[Payload | None]:
    """All at once; item by item where one is bad, None for each of those. Raises msgspec.DecodeError."""
    if not one_by_one:
        try:
            return wire.decode(body)
        except msgspec.ValidationError:
            pass
    return [_decode_item(piece) for piece in wire.split(body)]


def _decode_item(piece: msgspec.Raw) -> Payload | None:
    try:
        return wire.decode_item(piece)
    except msgspec.DecodeError:
        return None


def _own(body: bytes, place: int) -> bytes:
    return bytes(wire.split(body)[place])


def _whole(entry: Entry, reason: str, detail: str, body: bytes | None) -> DeadLetter:
    """One letter for a batch that can't be read, under its first ordinal."""
    return _letter(entry, parse_items(entry.headers["eucora-items"]).first, reason, "$", detail, body)


def _letter(entry: Entry, ordinal: int, reason: str, path: str, detail: str, body: bytes | None) -> DeadLetter:
    return DeadLetter(
        entry.stream,
        entry.stream_number,
        ordinal,
        entry.device,
        entry.subject,
        entry.shard,
        entry.lane,
        entry.position,
        entry.received,
        reason,
        path,
        detail,
        entry.key_no,
        body,
    )
