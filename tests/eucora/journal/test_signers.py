"""Enrolled keys."""

import asyncio
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.conformance.journal.place import SHARDS, Place

from eucora.journal import signers
from eucora.journal.port import shard_of
from eucora.journal.postgres import SQL
from eucora.problems import Refused
from eucora_wire.envelope import thumbprint


def der(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


async def enrol(place: Place, private, algorithm="ed25519", device=None):
    key, device = private.public_key(), device or uuid.uuid4()
    await signers.register(place.app, thumbprint(key), device, algorithm, der(key))
    return thumbprint(key), device


async def test_a_key_comes_back_ready_to_verify(place: Place):
    one, device = await enrol(place, ed25519.Ed25519PrivateKey.generate())
    two, _ = await enrol(place, ec.generate_private_key(ec.SECP256R1()), "ecdsa-p256-sha256")
    found = await signers.load(place.app, [one, two, "nobody"])
    assert set(found) == {one, two}
    assert (found[one].device, found[one].state, len(found[one].raw)) == (device, "active", 32)
    assert thumbprint(found[two].key) == two


async def test_a_key_belongs_to_one_device_and_enrolling_again_changes_nothing(place: Place):
    private = ed25519.Ed25519PrivateKey.generate()
    keyid, device = await enrol(place, private)
    await enrol(place, private, device=device)
    with pytest.raises(Refused, match="another device"):
        await enrol(place, private)
    assert (await signers.load(place.app, [keyid]))[keyid].device == device


async def test_a_revoked_key_stays_revoked(place: Place):
    private = ed25519.Ed25519PrivateKey.generate()
    keyid, device = await enrol(place, private)
    assert await signers.revoke(place.app, device) == 1
    assert await signers.revoke(place.app, device) == 0
    await signers.replace(place.app, keyid)
    assert (await signers.load(place.app, [keyid]))[keyid].state == "revoked"
    with pytest.raises(Refused, match="revoked"):
        await enrol(place, private, device=device)


async def test_a_revocation_waits_for_the_commit_that_is_under_way(place: Place):
    """So that what it cuts off is decided: before it, committed; after it, refused."""
    _, device = await enrol(place, ed25519.Ed25519PrivateKey.generate())
    async with place.app.acquire() as committing:
        async with committing.transaction():
            await committing.fetch(SQL.lock_shards, [shard_of(device, SHARDS)])
            revoking = asyncio.create_task(signers.revoke(place.app, device))
            await asyncio.wait([revoking], timeout=0.3)
            assert not revoking.done()
        assert await revoking == 1


async def test_other_kinds_of_keys_are_refused(place: Place):
    for private in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(Refused, match="Ed25519"):
            await signers.register(place.app, "k", uuid.uuid4(), "ed25519", der(private.public_key()))


async def test_the_cache_forgets_in_time_and_on_demand(place: Place, monkeypatch):
    keyid, device = await enrol(place, ed25519.Ed25519PrivateKey.generate())
    cache = signers.SignerCache(place.app, ttl_s=30)
    assert set(await cache.get([keyid, "nobody"])) == {keyid}
    await signers.revoke(place.app, device)
    assert (await cache.get([keyid]))[keyid].state == "active"
    cache.forget(device)
    assert (await cache.get([keyid]))[keyid].state == "revoked"
    other, theirs = await enrol(place, ed25519.Ed25519PrivateKey.generate())
    await cache.get([other])
    await signers.revoke(place.app, theirs)
    later = signers.monotonic() + 31
    monkeypatch.setattr(signers, "monotonic", lambda: later)
    assert (await cache.get([other]))[other].state == "revoked"
