"""Items that can't be stored: kept with their reason, sealed under the key of their person or device, seen, replayable.

Bounded: beyond what one device may have a day, letters are counted under one id a reason, and not kept.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from eucora.batch import DeadLetter
from eucora.ids import dead_letter_id
from eucora.journal.keys import Keyring
from eucora.pipeline.normalise import Resent
from eucora.sealing import Unopenable, open_sealed, seal
from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__)
MOST_A_DAY = 1_000
AGAIN = ("too-large", "inflates-too-much", "unknown-dictionary")
"""Refusals after which an agent seals the items anew."""

LetterKey = tuple[datetime, uuid.UUID]


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter as operators see it. `kept`: its body is there, sealed; `count`: how many items it stands for."""

    id: uuid.UUID
    device: uuid.UUID
    subject: uuid.UUID | None
    stream: uuid.UUID
    ordinal: int
    received: datetime
    reason: str
    path: str
    detail: str
    count: int
    state: str
    attempts: int
    settled_at: datetime | None
    shard: int
    lane: int
    position: int
    key_no: int | None
    kept: bool

    @property
    def key(self) -> LetterKey:
        return (self.received, self.id)


async def write(tx: Transaction, keyring: Keyring, letters: Sequence[DeadLetter], *, again: bool = False) -> None:
    """Keep letters; the body of one whose key is destroyed is not kept.

    `again`: of entries that were digested before; what was beyond the bound then was counted then.
    """
    if not letters:
        return
    kept, beyond = await _bound(tx, letters)
    keys = await keyring.by_number({x.key_no for x in kept if x.key_no is not None and x.body is not None})
    rows = []
    for x in kept:
        letter_id = dead_letter_id(x.stream, x.ordinal)
        key = None if x.key_no is None else keys.get(x.key_no)
        body = None if key is None or x.body is None else seal(key, x.body, letter_id.bytes)
        place = (x.stream, x.stream_number, x.ordinal, x.device, x.subject, x.shard, x.lane, x.position, x.received)
        rows.append((letter_id, *place, x.reason, x.path, x.detail, x.key_no, body))
    await tx.executemany(SQL.add_letter, rows)
    if not again:
        await tx.executemany(SQL.add_overflow, beyond)


async def settle_resent(tx: Transaction, resent: Sequence[Resent]) -> None:
    """Close the letters of batches whose items came again under the same ordinals: cut smaller, or without a dictionary.

    Each with the moment when they came: what was received before it is closed, this batch's own letter is not.
    """
    if resent:
        ids, times = zip(*resent, strict=True)
        await tx.execute(SQL.settle_resent, ids, times, AGAIN)


async def _bound(tx: Transaction, letters: Sequence[DeadLetter]) -> tuple[list[DeadLetter], list[tuple[object, ...]]]:
    """What is kept, and rows that count what is not."""
    day = min(x.received for x in letters).replace(hour=0, minute=0, second=0, microsecond=0)
    had = {row["device"]: row["count"] for row in await tx.fetch(SQL.letters_today, [x.device for x in letters], day)}
    kept: list[DeadLetter] = []
    beyond: Counter[tuple[uuid.UUID, str]] = Counter()
    last: dict[tuple[uuid.UUID, str], DeadLetter] = {}
    for x in letters:
        had[x.device] = had.get(x.device, 0) + 1
        if had[x.device] <= MOST_A_DAY:
            kept.append(x)
        else:
            beyond[x.device, x.reason] += 1
            last[x.device, x.reason] = x
    return kept, [_overflow(x, beyond[key], day) for key, x in sorted(last.items())]


def _overflow(x: DeadLetter, count: int, day: datetime) -> tuple[object, ...]:
    overflow_id = uuid.uuid5(x.device, f"{day.date()}/{x.reason}")
    place = (x.stream, x.stream_number, x.ordinal, x.device, x.shard, x.lane, x.position, day)
    return (overflow_id, *place, x.reason, count)


async def page(
    db: Pool | Transaction,
    after: LetterKey | None = None,
    limit: int = 100,
    *,
    state: str | None = None,
    device: uuid.UUID | None = None,
    reason: str | None = None,
) -> list[Letter]:
    """At most `limit` letters, newest first, behind `after`. States: open, replayed, failed, mended."""
    rows = await db.fetch(SQL.letters, *(after or (None, None)), state, device, reason, limit)
    return [Letter(**row) for row in rows]


async def by_id(db: Pool | Transaction, ids: Sequence[uuid.UUID]) -> list[Letter]:
    """Some letters; those that are not there are left out."""
    return [Letter(**row) for row in await db.fetch(SQL.letters_by_id, list(ids))]


async def body(db: Pool | Transaction, keyring: Keyring, letter_id: uuid.UUID) -> bytes | None:
    """A letter's body: the item as it came (or the whole batch as it travelled); None when it is not kept or erased."""
    row = await db.fetchrow(SQL.letter_body, letter_id)
    if row is None or row["body"] is None:
        return None
    key = (await keyring.by_number([row["key_no"]])).get(row["key_no"])
    try:
        return None if key is None else open_sealed(key, row["body"], letter_id.bytes)
    except Unopenable:
        return None


async def states(db: Pool | Transaction) -> dict[str, int]:
    """How many items are in which state."""
    return {row["state"]: row["count"] for row in await db.fetch(SQL.letter_states)}
