"""A database that was put back, before a door opens: a new epoch, and everything done again that must not be undone.

Devices do the rest: each answer tells them which sequences the journal lacks, and what was acknowledged lies in their
spools' tails. Done again after a crash in the middle; the witness is written last. Why so: docs/decisions/restore.md.
"""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from eucora import clock
from eucora.archive import masks
from eucora.domains import audit
from eucora.domains.devices.revocation import turn_away
from eucora.domains.identity.forget import forget_user
from eucora.governance import witness
from eucora.governance.erasure import Eraser, erase
from eucora.governance.witness import SET_BACK, Act, seen_in
from eucora.journal.keys import Kind
from eucora.problems import Misconfigured, Refused
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.postgres import translated

log = structlog.get_logger()
SQL = load(__file__, "restored.sql")


async def look(eraser: Eraser, folder: Path, now: datetime) -> int | None:
    """The epoch that begins with this start, when the database was put back; None when it was not.

    Raises Misconfigured when what was witnessed in this folder is another installation.
    """
    there, was = await seen_in(eraser.pool), witness.seen(folder)
    if was is not None and was.installation != there.installation:
        raise Misconfigured(
            f"{folder} tells of installation {was.installation}, and the database is {there.installation}: "
            "name this installation's folder by EUCORA_WITNESS_DIR, or move that one away"
        )
    mark = folder / SET_BACK
    if not mark.exists() and not witness.is_set_back(there, was):
        return None
    epoch = 1 + max(there.epoch, 0 if was is None else was.epoch)
    done = await _again(eraser, witness.acts(folder), now)
    await _begin(eraser.pool, epoch, done, now)
    witness.write(folder, await seen_in(eraser.pool))
    await asyncio.to_thread(mark.unlink, missing_ok=True)
    log.warning("database_was_put_back", epoch=epoch, replayed=done)
    return epoch


async def _begin(pool: Pool, epoch: int, replayed: int, now: datetime) -> None:
    act = audit.Act(
        act="platform.restored",
        audit_class="lifecycle",
        actor_kind="platform",
        actor="eucora up",
        detail={"epoch": epoch, "replayed": replayed},
    )
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            await tx.execute(SQL.begin_epoch, epoch)
            await tx.execute(SQL.note, epoch, now, replayed)
            await tx.execute(SQL.mark_streams)
            await audit.record(tx, now, [act])


async def _again(eraser: Eraser, acts: Sequence[Act], now: datetime) -> int:
    """How many of them the database did not know."""
    with translated():
        known = {(row["act"], row["id"], row["since"], row["until"]) for row in await eraser.pool.fetch(SQL.known)}
    unknown = [act for act in acts if (act.act, act.id, act.since, act.until) not in known]
    for act in unknown:
        await _DOES[act.act](eraser, act, now)
    return len(unknown)


async def _erase(eraser: Eraser, act: Act, now: datetime) -> None:
    """A device that the database does not know is hidden all the same, and gets no key."""
    since, until = (None, None) if act.whole else (act.since or clock.EPOCH, act.until)
    try:
        await erase(eraser, act.id, since, until, _again_of(act, "device.erased", act.id), now)
    except Refused:
        async with eraser.pool.acquire() as tx, tx.transaction():
            await masks.hide(tx, act.id, act.since, act.until or now, now)
            await audit.record(tx, now, [_again_of(act, "device.erased", act.id)])


async def _forget(eraser: Eraser, act: Act, now: datetime) -> None:
    """A person; or an id that came up since, which is nobody's now."""
    try:
        await forget_user(eraser.pool, eraser.keyring, act.id, _again_of(act, "subject.forgotten"), now)
    except Refused:
        async with eraser.pool.acquire() as tx, tx.transaction():
            await masks.hide_persons(tx, [act.id], now)
            await audit.record(tx, now, [_again_of(act, "subject.forgotten")])
        await eraser.keyring.destroy("subject", [act.id])


async def _destroy(eraser: Eraser, act: Act, now: datetime) -> None:
    kind: Kind = "device" if act.kind == "device" else "subject"
    await eraser.keyring.destroy(kind, [act.id])


async def _revoke(eraser: Eraser, act: Act, now: datetime) -> None:
    async with eraser.pool.acquire() as tx, tx.transaction():
        if await turn_away(tx, act.id, now):
            await audit.record(tx, now, [_again_of(act, "device.revoked", act.id)])


_DOES = {"erase": _erase, "forget": _forget, "destroy": _destroy, "revoke": _revoke}


def _again_of(act: Act, name: str, *devices: uuid.UUID) -> audit.Act:
    return audit.Act(
        act=name,
        audit_class="lifecycle",
        actor_kind="platform",
        actor="eucora up",
        devices=devices,
        purpose=f"done on {act.at:%Y-%m-%d}, before the database was put back",
    )
