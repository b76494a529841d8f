"""A certificate renews itself, and an expired one strands nobody; a replaced key still verifies, a revoked one does not."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.eucora.gateway.plane import Device, Enrol, Plane, csr_for, identity_file, new_ed25519, new_p256, told

from eucora import clock
from eucora.domains.audit import Act
from eucora.domains.audit.write import SQL
from eucora.domains.devices import revocation
from eucora_wire.enrol import Enrolled
from eucora_wire.envelope import thumbprint


def renewed(answer: httpx.Response) -> Enrolled:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Enrolled)


async def revoke(plane: Plane, device: Device) -> None:
    act = Act(act="device.revoked", audit_class="lifecycle", actor_kind="platform", actor="test")
    await revocation.revoke(plane.pool, device.id, act, clock.now())


async def state_of(plane: Plane, key: Any) -> str:
    keyid = thumbprint(key.public_key())
    return str(await plane.pool.fetchval("SELECT state FROM signers WHERE keyid = $1", keyid))


async def with_identity(device: Device, certificate: str, folder: Path) -> httpx.AsyncClient:
    identity = identity_file(folder, certificate, device.key)
    return httpx.AsyncClient(verify=device.plane.tls(identity), http2=True, base_url=device.plane.device_url)


async def test_the_same_key_gets_a_new_certificate_that_opens_the_door(device: Device, tmp_path: Path) -> None:
    given = renewed(await device.renew(device.key))
    assert given.device_id == device.id
    assert given.certificate != device.enrolled.certificate
    async with await with_identity(device, given.certificate, tmp_path) as client:
        device.client = client
        await device.good()


@pytest.mark.parametrize("new_key", [new_ed25519, new_p256])
async def test_a_new_key_takes_over_and_the_old_one_is_replaced(
    new_key: Callable[[], Any], plane: Plane, device: Device, tmp_path: Path
) -> None:
    old, new = device.key, new_key()
    given = renewed(await device.renew(new))
    assert given.device_id == device.id
    assert [await state_of(plane, key) for key in (old, new)] == ["replaced", "active"]
    device.key = new
    async with await with_identity(device, given.certificate, tmp_path) as client:
        device.client = client
        await device.good()


async def test_a_replaced_key_still_verifies_what_was_sealed_under_it(device: Device) -> None:
    sealed = device.batch(device.payload())
    renewed(await device.renew(new_ed25519()))
    assert (await device.send(sealed)).json()["outcome"] == "appended"


async def test_a_replaced_key_may_only_ask_again_for_the_one_that_took_its_place(device: Device) -> None:
    new = new_ed25519()
    renewed(await device.renew(new))
    assert renewed(await device.renew(new)).device_id == device.id
    told(await device.renew(new_ed25519()), "unknown-device")


async def test_a_revoked_key_renews_nothing_and_verifies_nothing(plane: Plane, device: Device) -> None:
    sealed = device.batch(device.payload())
    new = new_ed25519()
    renewed(await device.renew(new))
    await revoke(plane, device)
    told(await device.send(sealed), "revoked-device")
    told(await device.renew(new_ed25519()), "revoked-device")
    told(await device.renew(new_ed25519(), key=new), "revoked-device")


async def test_a_revocation_and_many_renewals_at_once_leave_no_key_behind(plane: Plane, device: Device) -> None:
    """Else who stole a key could outlive its revocation by renewing it in the same instant."""
    keys = [new_ed25519() for _ in range(8)]
    asked = [asyncio.create_task(device.renew(key)) for key in keys]
    await asyncio.gather(*asked[:1], revoke(plane, device))
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} <= {200, 403}
    assert {
        row["state"] for row in await plane.pool.fetch("SELECT state FROM signers WHERE device = $1", device.id)
    } == {"revoked"}
    told(await device.renew(new_ed25519()), "revoked-device")


async def test_a_renewal_that_is_under_way_when_the_device_is_revoked_is_revoked_with_it(
    plane: Plane, device: Device, owner: Any
) -> None:
    """The renewal holds the trail's lock in its last step; the revocation must wait for it, and then see its key."""
    async with owner.transaction():
        await owner.execute(SQL.lock_trail)
        renewing = asyncio.create_task(device.renew(new_ed25519()))
        await waiting_for_locks(owner, 1)
        revoking = asyncio.create_task(revoke(plane, device))
        await waiting_for_locks(owner, 2)
    renewed(await renewing)
    await revoking
    states = await plane.pool.fetch("SELECT state FROM signers WHERE device = $1", device.id)
    assert [row["state"] for row in states] == ["revoked", "revoked"]


async def waiting_for_locks(owner: Any, least: int) -> None:
    """Until so many sessions wait for a lock."""
    waiting = 0
    async with asyncio.timeout(10):
        while waiting < least:
            await asyncio.sleep(0.01)
            waiting = await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def test_an_expired_certificate_strands_nobody(plane: Plane, device: Device, tmp_path: Path) -> None:
    yesterday = clock.now() - timedelta(days=1)
    expired = plane.house.authority.sign_device(device.key.public_key(), device.id, yesterday, 1)
    async with await with_identity(device, expired.pem, tmp_path) as client:
        with pytest.raises((httpx.TransportError, ssl.SSLError)):  # the alert comes with the handshake, or behind it
            await client.get("/v1/config")
    given = renewed(await device.renew(device.key))
    assert given.expires > clock.now()
    event = (await plane.acts("device.renewed"))[-1]
    assert (event["devices"], event["outcome"]) == ([device.id], "done")


async def test_a_device_whose_clock_is_years_off_may_renew(device: Device) -> None:
    renewed(await device.renew(device.key, eucora_clock="1"))


async def test_a_renewal_is_on_the_record_with_both_keys(plane: Plane, device: Device) -> None:
    new = new_p256()
    renewed(await device.renew(new))
    event = (await plane.acts("device.renewed"))[-1]
    assert event["detail"] == {"key": thumbprint(new.public_key()), "signed_by": thumbprint(device.key.public_key())}
    assert event["devices"] == [device.id]


# --- refused --------------------------------------------------------------------------------------------------------


async def test_another_devices_key_can_not_be_taken_over(plane: Plane, device: Device, enrol: Enrol) -> None:
    other = await enrol(plane)
    told(await device.renew(other.key), "bad-request")
    await other.good()


async def test_a_bad_csr_is_refused_and_the_key_stays(plane: Plane, device: Device) -> None:
    body = msgspec.json.encode({"csr": "please"})
    told(await plane.ask("/v1/renew", body, device.signed("eucora-renew", body)), "bad-request")
    assert await state_of(plane, device.key) == "active"


async def test_a_stranger_renews_nothing(device: Device) -> None:
    told(await device.renew(new_ed25519(), key=new_ed25519()), "unknown-device")


async def test_a_signature_for_another_purpose_renews_nothing(plane: Plane, device: Device) -> None:
    body = msgspec.json.encode({"csr": csr_for(new_ed25519())})
    told(await plane.ask("/v1/renew", body, device.signed("eucora-logon", body)), "unsigned")


async def test_another_body_than_the_signed_one_renews_nothing(plane: Plane, device: Device) -> None:
    """Else whoever stands between could put his own key in the place of the device's."""
    signed = device.signed("eucora-renew", msgspec.json.encode({"csr": csr_for(device.key)}))
    theirs = msgspec.json.encode({"csr": csr_for(new_ed25519())})
    told(await plane.ask("/v1/renew", theirs, signed), "digest-mismatch")


async def test_a_request_for_another_installation_renews_nothing(device: Device) -> None:
    told(await device.renew(device.key, eucora_installation=str(device.id)), "other-installation")


async def test_each_refusal_is_an_event_that_names_the_device_only_when_it_is_proved(
    plane: Plane, device: Device
) -> None:
    before = len(await plane.acts("renewal.refused"))
    body = msgspec.json.encode({"csr": "please"})
    await plane.ask("/v1/renew", body, device.signed("eucora-renew", body))
    await device.renew(new_ed25519(), key=new_ed25519())
    events = (await plane.acts("renewal.refused"))[before:]
    assert [(e["detail"]["reason"], e["devices"]) for e in events] == [
        ("bad-request", [device.id]),
        ("unknown-device", []),
    ]
