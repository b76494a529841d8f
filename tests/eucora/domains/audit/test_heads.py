"""A head a minute, in the database and in the object store: either of them tells of a rewritten trail."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.eucora.domains.audit.conftest import NOW
from tests.eucora.domains.audit.test_write import ACT, tell

from eucora.domains.audit import sign_head, verify, verify_lines
from eucora.domains.audit.read import lines
from eucora.stores.ports import Objects
from eucora.stores.s3 import S3Objects

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
async def objects(servers: Any) -> AsyncIterator[Objects]:
    opened = S3Objects(servers.s3, "eucora-data")
    yield opened
    for name in [stored.key async for stored in opened.list("audit/")]:
        await opened.delete(name)
    await opened.close()


async def test_a_head_is_signed_when_the_trail_has_grown(pool: Any, objects: Objects) -> None:
    assert await sign_head(pool, objects, KEY, NOW) is None
    await tell(pool, ACT)
    first = await sign_head(pool, objects, KEY, NOW)
    assert first is not None
    assert await sign_head(pool, objects, KEY, NOW + timedelta(minutes=1)) is None
    await tell(pool, ACT, ACT)
    await sign_head(pool, objects, KEY, NOW + timedelta(minutes=2))
    assert [stored.key async for stored in objects.list("audit/heads/")] == [
        "audit/heads/1.json",
        "audit/heads/3.json",
    ]
    verdict = await verify(pool, KEY.public_key(), objects)
    assert (verdict.whole, verdict.heads) == (True, 4)


async def test_the_object_store_tells_of_a_trail_that_the_owner_cut(pool: Any, objects: Objects, database: Any) -> None:
    await tell(pool, ACT, ACT)
    await sign_head(pool, objects, KEY, NOW)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM audit_events WHERE position = 2")
    await owner.execute("DELETE FROM audit_heads")
    await owner.close()
    assert (await verify(pool, KEY.public_key())).whole
    verdict = await verify(pool, KEY.public_key(), objects)
    assert [(fault.position, fault.kind) for fault in verdict.faults] == [(2, "head")]


async def test_a_damaged_head_in_the_store_is_a_fault(pool: Any, objects: Objects) -> None:
    await tell(pool, ACT)
    await objects.put("audit/heads/9.json", b"{")
    assert not (await verify(pool, KEY.public_key(), objects)).whole


async def test_an_export_is_verified_without_the_database(pool: Any, objects: Objects) -> None:
    await tell(pool, ACT)
    await sign_head(pool, objects, KEY, NOW)
    await tell(pool, ACT, ACT)
    exported = [line async for line in lines(pool)]
    verdict = verify_lines(exported, KEY.public_key())
    assert (verdict.whole, verdict.events, verdict.heads) == (True, 3, 1)
    assert not verify_lines(exported, Ed25519PrivateKey.generate().public_key()).whole
    cut = [line for line in exported if b'"position":2,' not in line]
    assert not verify_lines(cut, KEY.public_key()).whole
