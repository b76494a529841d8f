"""What to collect, how often, under which policy: told to devices that prove themselves, and to nobody else."""

import uuid

import msgspec
import pytest
from tests.eucora.gateway.plane import Device, Enrol, Plane, told

from eucora import clock
from eucora.domains.audit import Act
from eucora.domains.devices import policy, revocation
from eucora_wire.enrol import Config
from eucora_wire.registry import FIELDS


async def test_a_device_reads_the_policy_that_it_must_name_in_its_batches(plane: Plane, device: Device) -> None:
    answer = await device.read_config()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    config = msgspec.json.decode(answer.content, type=Config)
    async with plane.pool.acquire() as connection:
        active = await policy.active_policy(connection)
    assert (config.version, config.policy) == (active.version, active.digest)
    assert config.policy == device.enrolled.policy
    assert config.cadence_s == policy.CADENCE_S
    assert config.collect == {path: field.collected for path, field in FIELDS.items()}
    assert config.spool_max_age_s == plane.house.settings.spool_max_age_days * 86400


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"eucora_device": str(uuid.uuid4())}, "unknown-device"),
        ({"eucora_installation": str(uuid.uuid4())}, "other-installation"),
        ({"eucora_device": "me"}, "bad-header"),
        ({"eucora_installation": "here"}, "bad-header"),
        ({"eucora_clock": "now"}, "bad-header"),
        ({"eucora_clock": "1"}, "bad-header"),
        ({"eucora_clock": "9" * 16}, "bad-header"),
        ({"eucora_clock": "-1"}, "bad-header"),
        ({"content_digest": "sha-256=:AAAA:"}, "digest-mismatch"),
    ],
)
async def test_whoever_does_not_prove_all_of_it_reads_nothing(
    changes: dict[str, str], slug: str, device: Device
) -> None:
    told(await device.read_config(**changes), slug)
    assert (await device.read_config()).status_code == 200


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_clock_that_is_off_is_told_so(minutes: int, device: Device) -> None:
    document = told(
        await device.read_config(eucora_clock=str(clock.to_ms(clock.now()) + minutes * 60_000)), "bad-header"
    )
    assert document["detail"].startswith("eucora-clock")


async def test_a_signature_for_another_purpose_reads_nothing(device: Device) -> None:
    told(await device.client.get("/v1/config", headers=device.signed("eucora-logon", b"")), "unsigned")


async def test_an_altered_header_reads_nothing(device: Device) -> None:
    headers = device.signed("eucora-request", b"")
    headers["eucora-clock"] = str(int(headers["eucora-clock"]) + 1)
    told(await device.client.get("/v1/config", headers=headers), "bad-signature")


async def test_a_revoked_device_reads_nothing_from_then_on(plane: Plane, device: Device) -> None:
    assert (await device.read_config()).status_code == 200
    act = Act(act="device.revoked", audit_class="lifecycle", actor_kind="platform", actor="test")
    await revocation.revoke(plane.pool, device.id, act, clock.now())
    told(await device.read_config(), "revoked-device")


async def test_one_that_asks_too_often_is_slowed_down(plane: Plane, device: Device, enrol: Enrol) -> None:
    now_s = clock.monotonic()
    for _ in range(1200):
        plane.house.device_pace.take(device.id, now_s)
    told(await device.read_config(), "too-fast")
    assert (await (await enrol(plane)).read_config()).status_code == 200
