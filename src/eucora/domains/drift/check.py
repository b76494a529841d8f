"""Is what we hold what the device says that it told? Compared once nothing older of that device can still come.

Rule 1: what a newer item than the heartbeat changed is not compared with it: that item's own heartbeat says what should be.
Rule 2: what differs is asked for whole, at most once an interval: that mends it, and the next comparison says so.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Literal

import structlog

from eucora.domains.drift.queries import SQL
from eucora.slice import Held, Pool, Transaction

AT_ONCE = 50
RESYNC_INTERVAL_S = 3600.0

Complete = Callable[[Pool, Collection[uuid.UUID]], Awaitable[set[uuid.UUID]]]
"""Of which devices neither lane holds older items, and no stream has an open gap."""

Holder = Callable[[Transaction, uuid.UUID, bytes], Awaitable[Held]]
"""What the domain of a section holds of a device, under the key of digests."""

Verdict = Literal["same", "drifted", "unknown", "superseded"]

log = structlog.get_logger()


async def check(
    pool: Pool,
    complete: Complete,
    holders: Mapping[str, Holder],
    secret: bytes,
    now: datetime,
    most: int = AT_ONCE,
) -> int:
    """Compare some sections; how many were."""
    waiting = [(row["device"], row["section"]) for row in await pool.fetch(SQL.unchecked, most)]
    if not waiting:
        return 0
    ready = await complete(pool, {device for device, _ in waiting})
    compared = sorted(each for each in waiting if each[0] in ready)
    for device, section in compared:
        async with pool.acquire() as tx, tx.transaction(isolation="repeatable_read"):
            told = await tx.fetchrow(SQL.told, device, section)
            if told is None:  # erased meanwhile
                continue
            order = (told["order_stream"], told["order_item"])
            verdict = judge(order, told["digest"], await holders[section](tx, device, secret))
        turned = await pool.fetchrow(SQL.settle, device, section, *order, verdict, now, RESYNC_INTERVAL_S)
        if turned is not None and turned["before"] != turned["after"]:
            log.info("state_drifted" if turned["after"] else "state_healed", device=str(device), section=section)
    return len(compared)


def judge(order: tuple[int, int], digest: bytes, held: Held) -> Verdict:
    """What a heartbeat of that order says of what is held."""
    if held.order > order:
        return "superseded"
    if held.digest is None:
        return "unknown"
    return "same" if held.digest == digest else "drifted"
