"""Is what we hold what the device says that it told? Compared once nothing older of that device can still come.

Rule 1: what a newer item than the heartbeat changed is not compared with it: that item's own heartbeat says what should be.
Rule 2: what differs is asked for whole, at most once an interval: that mends it, and the next comparison says so.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Literal

import structlog

from eucora import clock
from eucora.domains.drift.queries import SQL
from eucora.journal.completeness import Tips, digested, whole_until
from eucora.journal.founding import PIPELINE
from eucora.slice import Held, Pool, Transaction

AT_ONCE = 200
LONGEST_S = 0.5
"""Between two turns of the digest: an inventory takes some milliseconds."""

RESYNC_INTERVAL_S = 3600.0

Holder = Callable[[Transaction, uuid.UUID, bytes], Awaitable[Held]]
"""What the domain of a section holds of a device, under the key of digests."""

Verdict = Literal["same", "drifted", "unknown", "superseded"]

log = structlog.get_logger()


async def check(pool: Pool, holders: Mapping[str, Holder], secret: bytes, now: datetime, most: int = AT_ONCE) -> int:
    """Compare some sections; how many were."""
    until_s = clock.monotonic() + LONGEST_S
    ready = await _ready(pool, most)
    for compared, (device, section) in enumerate(ready):
        if clock.monotonic() > until_s:
            return compared
        async with pool.acquire() as tx, tx.transaction(isolation="repeatable_read"):
            told = await tx.fetchrow(SQL.told, device, section)
            if told is None:  # erased meanwhile
                continue
            order = (told["order_stream"], told["order_item"])
            verdict = judge(order, told["digest"], await holders[section](tx, device, secret))
        turned = await pool.fetchrow(SQL.settle, device, section, *order, verdict, now, RESYNC_INTERVAL_S)
        if turned is not None and turned["before"] != turned["after"]:
            log.info("state_drifted" if turned["after"] else "state_healed", device=str(device), section=section)
    return len(ready)


async def _ready(pool: Pool, most: int) -> list[tuple[uuid.UUID, str]]:
    """Sections of which nothing older can come. How far must be read for that is noted once nothing is missing."""
    waiting = await pool.fetch(SQL.unchecked, most)
    if not waiting:
        return []
    found = await whole_until(pool, {row["device"] for row in waiting if row["live"] is None})
    fresh = [row for row in waiting if row["live"] is None and row["device"] in found]
    noted = [(*list(row)[:4], *found[row["device"]]) for row in fresh]
    if noted:
        await pool.execute(SQL.note, *[list(column) for column in zip(*noted, strict=True)])
    tips = {(row["device"], row["section"]): (row["live"], row["replay"]) for row in waiting if row["live"] is not None}
    tips |= {(device, section): (live, replay) for device, section, _, _, live, replay in noted}
    until: dict[uuid.UUID, Tips] = {}
    for (device, _), (live, replay) in tips.items():
        known = until.get(device, (0, 0))
        until[device] = max(known[0], live), max(known[1], replay)
    read = await digested(pool, PIPELINE, until)
    return sorted(each for each in tips if each[0] in read)


def judge(order: tuple[int, int], digest: bytes, held: Held) -> Verdict:
    """What a heartbeat of that order says of what is held."""
    if held.order > order:
        return "superseded"
    if held.digest is None:
        return "unknown"
    return "same" if digest in (held.digest, *held.also) else "drifted"
