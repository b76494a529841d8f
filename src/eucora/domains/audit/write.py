"""How an act becomes a row of the trail. The only writer of `audit_events`."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eucora.clock import to_ms
from eucora.domains.audit.chain import BEGINNING, digest_of
from eucora.domains.audit.records import Act, AuditClass, Event
from eucora.ids import uuid7
from eucora.sealing import seal
from eucora.slice import Transaction
from eucora.sql import load
from eucora.web.asker import Asker

SQL = load(__file__)


async def record(tx: Transaction, now: datetime, acts: Sequence[Act]) -> None:
    """Append acts to the trail, in the caller's transaction: what was done and its event are there together or not at all.

    Call it last: it holds the trail's lock until the transaction ends. The transaction must be READ COMMITTED.
    """
    if not acts:
        return
    await tx.execute(SQL.lock_trail)
    last = await tx.fetchrow(SQL.last_event)
    position, previous = (last["position"], last["digest"]) if last else (0, BEGINNING)
    rows = []
    for act in acts:
        position += 1
        event = chained(act, position, now, previous)
        previous = event.digest
        rows.append(_row(event))
    await tx.executemany(SQL.add_event, rows)


def by(asker: Asker, act: str, audit_class: AuditClass, **more: Any) -> Act:
    """An act of the operator behind a request. `more`: the other fields of Act."""
    return Act(
        act=act,
        audit_class=audit_class,
        actor_kind="operator",
        actor=str(asker.operator),
        origin=asker.origin,
        **more,
    )


def chained(act: Act, position: int, at: datetime, previous: bytes) -> Event:
    """The act as the row that follows `previous`. Raises TypeError or ValueError for a detail that can't stand there."""
    event = Event(
        position=position,
        at=at,
        id=uuid7(to_ms(at)),
        actor_kind=act.actor_kind,
        actor=act.actor,
        origin=act.origin,
        act=act.act,
        audit_class=act.audit_class,
        devices=tuple(act.devices),
        subject=act.subject,
        purpose=act.purpose,
        outcome=act.outcome,
        detail=dict(act.detail),
        key_no=act.key_no,
        sealed=act.sealed,
        previous=previous,
        digest=b"",
    )
    return msgspec.structs.replace(event, digest=digest_of(event))


def _row(event: Event) -> tuple[Any, ...]:
    """In the order of `add_event`, which is the order of the struct."""
    values = list(msgspec.structs.astuple(event))
    values[8], values[12] = list(event.devices), msgspec.json.encode(event.detail).decode()
    return tuple(values)


def sealed(act: Act, subject: uuid.UUID, key_no: int, aead: AESGCM | None, personal: Mapping[str, str]) -> Act:
    """The act with personal values that only the subject's key opens; without them when that key is destroyed (None)."""
    if aead is None:
        return msgspec.structs.replace(act, subject=subject)
    about = f"audit_events.sealed/{subject}".encode()
    body = seal(aead, msgspec.json.encode(dict(personal)), about)
    return msgspec.structs.replace(act, subject=subject, key_no=key_no, sealed=body)
