"""The trail in PostgreSQL: one chain whatever the race, and nobody's to rewrite."""

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.eucora.domains.audit.conftest import NOW

from eucora.domains.audit import Act, record, sealed, verify
from eucora.domains.audit.read import Filter, page
from eucora.sealing import open_sealed

KEY = Ed25519PrivateKey.generate()
ACT = Act(act="token.created", audit_class="administration", actor_kind="operator", actor="0199", detail={"uses": 1})


async def tell(pool: Any, *acts: Act) -> None:
    async with pool.acquire() as tx, tx.transaction():
        await record(tx, NOW, acts)


async def test_acts_stand_in_one_chain_as_they_were_told(pool: Any) -> None:
    device, subject = uuid.uuid4(), uuid.uuid4()
    full = Act(
        act="device.read",
        audit_class="personal",
        actor_kind="operator",
        actor="0199",
        origin="127.0.0.1",
        devices=(device,),
        subject=subject,
        purpose="support: ticket 17 €",
        outcome="refused",
        detail={"a": [1, None, {"b": True}]},
    )
    await tell(pool, ACT, full)
    newest, oldest = await page(pool, Filter(), None, 10)
    assert (oldest.position, oldest.act, newest.position) == (1, "token.created", 2)
    assert (newest.devices, newest.subject, newest.detail) == ((device,), subject, full.detail)
    assert newest.previous == oldest.digest
    verdict = await verify(pool, KEY.public_key())
    assert (verdict.whole, verdict.events) == (True, 2)


async def test_many_writers_at_once_make_one_chain(pool: Any) -> None:
    await asyncio.gather(*(tell(pool, ACT, ACT) for _ in range(25)))
    verdict = await verify(pool, KEY.public_key())
    assert (verdict.whole, verdict.events, verdict.faults) == (True, 50, ())


async def test_what_was_rolled_back_leaves_no_hole(pool: Any) -> None:
    await tell(pool, ACT)
    async with pool.acquire() as tx:
        transaction = tx.transaction()
        await transaction.start()
        await record(tx, NOW, [ACT])
        await transaction.rollback()
    await tell(pool, ACT)
    verdict = await verify(pool, KEY.public_key())
    assert (verdict.whole, verdict.position) == (True, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "UPDATE audit_heads SET digest = ''",
        "DELETE FROM audit_heads",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TABLE audit_events",
    ],
)
async def test_the_application_can_not_rewrite_it(pool: Any, statement: str) -> None:
    await tell(pool, ACT)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_nor_by_way_of_a_partition(pool: Any) -> None:
    await tell(pool, ACT)
    part = await pool.fetchval("SELECT tableoid::regclass::text FROM audit_events LIMIT 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(f"DELETE FROM {part}")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE audit_events SET actor = 'nobody' WHERE position = 2", "changed"),
        ("UPDATE audit_events SET detail = '{}' WHERE position = 2", "changed"),
        ("DELETE FROM audit_events WHERE position = 2", "hole"),
        ("DELETE FROM audit_events WHERE position = 1", "hole"),
        ("INSERT INTO audit_events SELECT * FROM audit_events WHERE position = 2", None),
    ],
)
async def test_what_the_owner_does_is_found(pool: Any, database: Any, statement: str, kind: str | None) -> None:
    await tell(pool, ACT, ACT, ACT)
    owner = await asyncpg.connect(database.owner_url)
    try:
        if kind is None:
            with pytest.raises(asyncpg.UniqueViolationError):
                await owner.execute(statement)
            return
        await owner.execute(statement)
    finally:
        await owner.close()
    verdict = await verify(pool, KEY.public_key())
    assert verdict.faults[0].kind == kind


async def test_personal_values_open_with_the_subject_s_key_only(pool: Any) -> None:
    subject, aead = uuid.uuid4(), AESGCM(bytes(32))
    await tell(
        pool, sealed(ACT, subject, 3, aead, {"account": "anna"}), sealed(ACT, subject, 3, None, {"account": "a"})
    )
    erased, told = await page(pool, Filter(), None, 2)
    assert told.sealed is not None
    assert b"anna" not in told.sealed
    assert open_sealed(aead, told.sealed, f"audit_events.sealed/{subject}".encode()) == b'{"account":"anna"}'
    assert (erased.subject, erased.sealed, erased.key_no) == (subject, None, None)


async def test_a_page_is_narrowed_by_act_class_actor_and_device(pool: Any) -> None:
    device = uuid.uuid4()
    other = Act(act="device.revoked", audit_class="lifecycle", actor_kind="operator", actor="1", devices=(device,))
    await tell(pool, ACT, other, ACT)
    for chosen in (Filter(act="device."), Filter(audit_class="lifecycle"), Filter(actor="1"), Filter(device=device)):
        assert [event.position for event in await page(pool, chosen, None, 10)] == [2]
    assert [event.position for event in await page(pool, Filter(), 3, 1)] == [2]
    assert await page(pool, Filter(outcome="refused"), None, 10) == []
