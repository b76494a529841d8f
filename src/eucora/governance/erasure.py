"""Erasure on request: a device, or an interval of it, out of every store; and the answer says when it is gone from each.

Rule 1: what is hidden, what domains forget and the audit event are one transaction: from then on no query of ours shows
it. Rule 2: all that follows is done by whoever comes next, again from where it stopped. Rule 3: what stays is named: the
audit trail, and the list of erasures itself, which a restored platform asks first. Why so: docs/decisions/erasure.md.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from eucora.archive import masks
from eucora.archive.compact import GRACE
from eucora.archive.merge import LOOKS
from eucora.batch import Entry
from eucora.domains.audit import Act, record
from eucora.journal.keys import OVERLAP_S, Keyring
from eucora.journal.port import shard_of
from eucora.journal.scrub import SEGMENTS_A_TURN, Scrubbing, forget_key, passed, scrub
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated

SQL = load(__file__, "erasure.sql")

TURN = timedelta(minutes=2)
"""In which what is done each minute has been done."""
AHEAD = timedelta(days=1)
"""All of a device: also what it says of a moment to come, which counts as received."""
SERVERS = {
    "prometheus": (
        timedelta(hours=3),
        "hidden when it was asked; late samples can be deleted once they lie in a block",
    ),
    "loki": (
        timedelta(hours=4),
        "hidden when its compactor took the request; deleted after delete_request_cancel_period",
    ),
    "tempo": (timedelta(days=30), "it can't delete by attribute: gone by its retention"),
}
"""How long each takes as it is shipped, and why."""

Touches = Callable[[Entry, datetime, datetime], bool]
"""Whether an entry holds anything of [since, until)."""

State = Literal["gone", "waiting", "kept"]


@dataclass(frozen=True, slots=True)
class Eraser:
    """What erasure works on. `touches` is the pipeline's. `window`: how long a window of the archive is open."""

    pool: Pool
    objects: Objects
    keyring: Keyring
    shards: int
    window: timedelta
    audit_days: int
    touches: Touches


class Place(Struct, frozen=True):
    """One store. gone: none of it is there since `at`; waiting: gone by `at`, when stores answer; kept: until `at`."""

    store: str
    state: State
    at: datetime | None
    why: str = ""


class Erasure(Struct, frozen=True, kw_only=True):
    """What was asked, and how it stands in each store. `whole`: all of a device, which is unknown from then on."""

    number: int
    device: uuid.UUID | None
    subject: uuid.UUID | None
    whole: bool
    since: datetime | None
    until: datetime
    asked_at: datetime
    stores: tuple[Place, ...]


async def erase(
    eraser: Eraser, device: uuid.UUID, since: datetime | None, until: datetime | None, act: Act, now: datetime
) -> Erasure:
    """All of a device (neither moment given), or what it told of [since, until). The same again is the same erasure.

    Raises Refused (unknown, bad-request), TryLater.
    """
    whole = since is None and until is None
    if not whole and (since is None or (until or now) <= since):
        raise Refused("bad-request", "an interval is since some time, until a later one")
    with translated():
        async with eraser.pool.acquire() as tx, tx.transaction():
            number = await _known(tx, device, since, until, whole)
            if number is None:
                span = (since, (now + AHEAD) if whole else (until or now))
                number = await _erase(tx, eraser, device, span, whole, now)
                told = {"erasure": number, "whole": whole, **_between(since, None if whole else span[1])}
                await record(tx, now, [replace(act, devices=(device,), detail=told)])
        if whole:
            await eraser.keyring.destroy("device", [device])
    found = await one(eraser, number, now)
    assert found is not None
    return found


async def _known(
    tx: Transaction, device: uuid.UUID, since: datetime | None, until: datetime | None, whole: bool
) -> int | None:
    known: int | None = await (tx.fetchval(SQL.whole, device) if whole else tx.fetchval(SQL.same, device, since, until))
    return known


async def _erase(
    tx: Transaction,
    eraser: Eraser,
    device: uuid.UUID,
    span: tuple[datetime | None, datetime],
    whole: bool,
    now: datetime,
) -> int:
    # The device's row first, as a renewal does; then the shard, behind whoever appends: what comes later is refused.
    if await tx.fetchval(SQL.lock_device, device) is None:
        raise Refused("unknown", "there is no such device, or it is erased already")
    shard = shard_of(device, eraser.shards)
    ((live, replay),) = await tx.fetch(SQL.stand, shard)
    mask = await masks.hide(tx, device, *span, now)
    await tx.execute(SQL.add, mask.mask, device, whole, *span, now, shard, live, replay)
    if whole:
        await tx.execute(SQL.forget_device, device)
    else:
        await tx.execute(SQL.forget_interval, device, *span)
    return mask.mask


async def settle(eraser: Eraser, now: datetime) -> list[int]:
    """The journal's part of what was asked: a bounded turn; which erasures it holds nothing of any more."""
    done: list[int] = []
    with translated():
        rows = await eraser.pool.fetch(SQL.open)
        for _, of_shard in groupby(rows, key=lambda row: row["shard"]):
            ready = await _ready(eraser, list(of_shard))
            if ready and await scrub(
                eraser.pool, eraser.objects, eraser.keyring, [_scrubbing(eraser, r) for r in ready]
            ):
                done += [row["mask"] for row in ready if await _settled(eraser, row, now)]
    return done


async def _ready(eraser: Eraser, rows: Sequence[Any]) -> list[Any]:
    """The first of a shard's erasures, as long as everybody has read what there was when they were asked."""
    found = []
    for row in rows:
        if not await passed(eraser.pool, _scrubbing(eraser, row)):
            break
        found.append(row)
    return found


def _scrubbing(eraser: Eraser, row: Any) -> Scrubbing:
    def holds(entry: Entry) -> bool:
        return eraser.touches(entry, row["since"], row["until"])

    return Scrubbing(
        number=row["mask"],
        device=row["device"],
        shard=row["shard"],
        live=row["live"],
        replay=row["replay"],
        asked_at=row["asked_at"],
        holds=None if row["whole"] else holds,
    )


async def _settled(eraser: Eraser, row: Any, now: datetime) -> bool:
    """Of all of a device: what a digest under way wrote beside it goes now, and, when all have heard, its key's row."""
    if row["whole"]:
        await eraser.pool.execute(SQL.forget_device, row["device"])
        await eraser.keyring.destroy("device", [row["device"]])
        if now - row["asked_at"] < timedelta(seconds=OVERLAP_S):
            return False
        await forget_key(eraser.pool, row["device"])
    await eraser.pool.execute(SQL.journal_done, row["mask"], now)
    return True


async def erasures(eraser: Eraser, now: datetime, before: int | None = None, limit: int = 100) -> list[Erasure]:
    """What was asked to be erased, newest first."""
    with translated():
        return await _shown(eraser, await eraser.pool.fetch(SQL.erasures, before, limit), now)


async def one(eraser: Eraser, number: int, now: datetime) -> Erasure | None:
    """One erasure as it stands."""
    with translated():
        found = await _shown(eraser, await eraser.pool.fetch(SQL.one, number), now)
    return found[0] if found else None


async def _shown(eraser: Eraser, rows: Sequence[Any], now: datetime) -> list[Erasure]:
    said = await eraser.pool.fetch(SQL.followers, [row["mask"] for row in rows])
    work = await eraser.pool.fetchrow(SQL.work)
    return [
        Erasure(
            number=row["mask"],
            device=row["device"],
            subject=row["subject"],
            whole=bool(row["whole"]),
            since=row["since"],
            until=row["until"],
            asked_at=row["at"],
            stores=(
                *_ours(eraser, row, work),
                *(_server(row["at"], each) for each in said if each["mask"] == row["mask"]),
                Place("audit", "kept", row["at"] + timedelta(days=eraser.audit_days), "that it was erased stays"),
            ),
        )
        for row in rows
    ]


def _ours(eraser: Eraser, row: Any, work: Any) -> tuple[Place, ...]:
    asked = row["at"]
    looked = timedelta(minutes=work["files"] // LOOKS + 1)
    archive = asked + eraser.window + 2 * GRACE + looked + TURN
    journal = asked + timedelta(seconds=OVERLAP_S) + timedelta(minutes=work["segments"] // SEGMENTS_A_TURN + 1) + TURN
    found = [
        Place("queries", "gone", asked, "hidden from every answer"),
        _place("archive", row["done_at"], archive, "hot rows go with their window, files are written again"),
        _place(
            "copies", row["done_at"] and row["done_at"] + TURN, archive + TURN, "files that queries keep beside them"
        ),
    ]
    if row["subject"] is not None:
        return (*found, Place("journal", "gone", asked, "the keys that it lies under are destroyed"))
    kept = "" if row["whole"] else "facts and packages stay: they are of the device now"
    found.append(Place("postgresql", "gone", asked, kept))
    return (
        *found,
        _place("journal", row["journal_at"], journal, "entries are emptied, in segments too, once all have read them"),
    )


def _place(store: str, done_at: datetime | None, expected: datetime, why: str) -> Place:
    return Place(store, "waiting", expected, why) if done_at is None else Place(store, "gone", done_at, why)


def _server(asked: datetime, said: Any) -> Place:
    """A follower as it stands. One that can't delete is not asked again: `gone_by` is the date."""
    takes, why = SERVERS.get(said["follower"], (timedelta(days=1), ""))
    if said["gone_by"] is not None:
        return Place(said["follower"], "waiting", said["gone_by"], why)
    if said["forgotten_at"] is not None:
        return Place(said["follower"], "gone", said["forgotten_at"])
    left = f"; {said['left_there']} left when it was asked last" if said["left_there"] else ""
    return Place(said["follower"], "waiting", asked + takes, why + left)


def _between(since: datetime | None, until: datetime | None) -> dict[str, str]:
    return {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
