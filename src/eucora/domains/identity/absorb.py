"""Sessions and persons out of telemetry, order-free. A session that comes later than its samples is joined on reading."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from eucora.batch import Item, Plan
from eucora.domains.audit import record
from eucora.domains.identity.mapping import Pair, map_devices, refusal
from eucora.domains.identity.queries import SQL
from eucora.slice import Transaction
from eucora_wire.sections.sessions import Session

Key = tuple[uuid.UUID, datetime]
"""(session id, start)."""

Said = tuple[Item, Session]


async def absorb(plan: Plan, tx: Transaction) -> None:
    """Nothing for a batch without a person that is new and without sessions."""
    users: Mapping[uuid.UUID, uuid.UUID | None] = plan.known.users
    unheard = strangers(plan.items, users)
    if unheard:
        await tx.execute(SQL.know_subjects, list(unheard), list(unheard.values()))
    newest = newest_of(plan.sections.get("sessions", ()))
    newest = {key: said for key, said in newest.items() if said[1].user_id not in plan.known.erased}
    if newest:
        owners = await _owners(newest, tx)
        taken = owned(newest, owners)
        begun = [said for said in taken if (said[1].session_id, said[1].start) not in owners]
        rows = [_row(*said) for said in taken]
        await tx.execute(SQL.say_sessions, *[list(column) for column in zip(*rows, strict=True)])
        said = ((users.get(session.user_id), item.device) for item, session in begun)
        await _map({(person, device) for person, device in said if person is not None}, plan, tx)


async def _owners(newest: Iterable[tuple[Key, uuid.UUID]], tx: Transaction) -> dict[Key, uuid.UUID]:
    """The devices of sessions told of before. A refusal is recorded when a session begins, not each time it is told."""
    ids = [session_id for (session_id, _), _ in newest]
    rows = await tx.fetch(SQL.known_sessions, ids)
    return {(row["session_id"], row["start"]): row["device_id"] for row in rows}


def owned(newest: Mapping[tuple[Key, uuid.UUID], Said], owners: Mapping[Key, uuid.UUID]) -> list[Said]:
    """What a session's own device says of it: no other can change or hide it. Of two that begin it, the lower id has it."""
    found: dict[Key, Said] = {}
    for (key, device), said in sorted(newest.items(), key=lambda each: each[0]):
        if owners.get(key, device) == device:
            found.setdefault(key, said)
    return list(found.values())


async def _map(pairs: set[Pair], plan: Plan, tx: Transaction) -> None:
    if not pairs:
        return
    persons, devices = zip(*sorted(pairs), strict=True)
    known = {(row["user_id"], row["device_id"]) for row in await tx.fetch(SQL.mapped_pairs, persons, devices)}
    received = max(item.received for item in plan.items)
    refused = await map_devices(tx, received, pairs - known)
    await record(tx, received, [refusal(*pair) for pair in sorted(refused)])


def strangers(items: Iterable[Item], users: Mapping[uuid.UUID, uuid.UUID | None]) -> dict[uuid.UUID, uuid.UUID]:
    """Subjects that nobody has heard of, each with the device that told of it."""
    found: dict[uuid.UUID, uuid.UUID] = {}
    for item in items:
        if item.subject is not None and item.subject not in users:
            found.setdefault(item.subject, item.device)
        for session in item.payload.sessions:
            if session.user_id not in users:
                found.setdefault(session.user_id, item.device)
    return found


def newest_of(items: Iterable[Item]) -> dict[tuple[Key, uuid.UUID], Said]:
    """A session's key and a device to its item of highest order key that tells of it."""
    newest: dict[tuple[Key, uuid.UUID], Said] = {}
    for item in items:
        for session in item.payload.sessions:
            key = (session.session_id, session.start), item.device
            known = newest.get(key)
            if known is None or (known[0].stream_number, known[0].ordinal) < (item.stream_number, item.ordinal):
                newest[key] = (item, session)
    return newest


def _row(item: Item, session: Session) -> tuple[Any, ...]:
    context = session.context
    return (
        session.session_id,
        session.user_id,
        item.device,
        # As told, not corrected: it is half of the key, and a later item may know another correction.
        session.start,
        session.end,
        context and context.network,
        None if context is None else context.vpn,
        context and context.geo,
        item.stream_number,
        item.ordinal,
        item.time,
        item.received,
    )
