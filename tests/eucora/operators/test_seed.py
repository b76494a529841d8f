"""The seed's own messages, field for field: signed by a device, digested, and asked back from the operator plane."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane
from tests.eucora_wire.test_payload import SEED_PAYLOAD, SEED_SESSION

from eucora.domains.devices.policy import ensure_policy
from eucora.domains.identity.logon import log_on
from eucora_wire.answer import Account
from eucora_wire.payload import Payload, decode

NOW = datetime.now(UTC).replace(microsecond=123_000) - timedelta(minutes=2)

CANONICAL = {
    "hardware.cpu": ("system_cpu_utilization_ratio", "ratio", 0.125),
    "hardware.memory": ("system_memory_utilization_ratio", "ratio", 0.61),
    "hardware.disk": ("system_filesystem_utilization_ratio", "ratio", 0.832),
    "hardware.thermal": ("hw_temperature_max_celsius", "celsius", 54.0),
    "hardware.battery": ("hw_battery_charge_min_ratio", "ratio", 0.97),
    "network.latency_ms": ("eucora_network_latency_seconds", "seconds", 0.0124),
    "network.throughput_mbps": ("eucora_network_throughput_bits_per_second", "bits_per_second", 94.1e6),
    "network.proxy": ("eucora_network_proxy", "count", 0.0),
    "agent.queue_depth": ("eucora_agent_queue_depth", "count", 3.0),
}
"""Path of the seed to metric, unit and value as they are asked back."""


def seed_payload(device: Device, user: uuid.UUID, /, **more: Any) -> Payload:
    """Seed §4.2 as it stands there, but for who, whose and when."""
    who = {"device_id": str(device.id), "user_id": str(user), "timestamp": NOW.isoformat()}
    return decode(json.dumps({**SEED_PAYLOAD, **who, **more}).encode())[0]


async def anna(line: Line, device: Device) -> uuid.UUID:
    """The subject id of a person who logged on."""
    account = Account(name="anna")
    return (await log_on(line.app, line.keyring, line.secrets, account, device.id, None, NOW)).subject


async def test_every_number_of_the_seed_s_payload_is_a_series_in_its_canonical_unit(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    user = await anna(line, device)
    await line.append(device.batch([seed_payload(device, user)], subject=user))
    await line.digest()
    numbers = {f"{part}.{name}" for part in ("hardware", "network") for name in SEED_PAYLOAD[part]}
    assert set(CANONICAL) == numbers | {"agent.queue_depth"}
    for path, (metric, unit, value) in CANONICAL.items():
        told = await plane.get(f"/devices/{device.id}/series", path=path)
        assert (told["metric"], told["unit"]) == (metric, unit), path
        ((time, found),) = told["points"]
        assert (datetime.fromisoformat(time), found) == (NOW, pytest.approx(value)), path


async def test_the_agent_s_version_and_status_are_told(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    user = await anna(line, device)
    for minute, status in enumerate(("healthy", "degraded", "offline")):
        agent = {**SEED_PAYLOAD["agent"], "status": status}
        payload = msgspec.structs.replace(
            seed_payload(device, user, agent=agent), timestamp=NOW + timedelta(seconds=minute)
        )
        await line.append(device.batch([payload], subject=user))
    await line.digest()
    told = await plane.get(f"/devices/{device.id}/series", path="agent.status")
    assert [(dict(of["labels"]), len(of["points"])) for of in told["labelled"]] == [
        ({"status": status, "version": "0.1.0"}, 1) for status in ("degraded", "healthy", "offline")
    ]


async def test_packages_come_back_with_name_version_and_signature(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    user = await anna(line, device)
    await line.append(device.batch([seed_payload(device, user)], subject=user))
    await line.digest()
    (package,) = (await plane.get(f"/devices/{device.id}/software"))["items"]
    assert {name: package[name] for name in ("name", "version", "signature")} == SEED_PAYLOAD["software"]["packages"][0]
    assert datetime.fromisoformat(package["event_time"]) == NOW


async def test_the_seed_s_session_stands_in_its_table_field_for_field(line: Line) -> None:
    device = await line.enrol()
    user = await anna(line, device)
    session = {**SEED_SESSION, "user_id": str(user), "device_id": str(device.id)}
    await line.append(device.batch([seed_payload(device, user, sessions=[session])], subject=user))
    await line.digest()
    (row,) = await line.app.fetch(
        'SELECT session_id, user_id, device_id, start, "end", network, vpn, geo FROM sessions'
    )
    told = {
        **{name: str(row[name]) for name in ("session_id", "user_id", "device_id")},
        **{name: row[name].strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("start", "end")},
        "context": {name: row[name] for name in ("network", "vpn", "geo")},
    }
    assert told == session


async def test_what_arrives_is_joined_with_its_user_its_device_and_its_policy(plane: Plane, line: Line) -> None:
    """Telemetry names a person by an id that means nothing; the platform knows whose it is, on what, under which rules."""
    device = await line.enrol()
    provisional = uuid.uuid4()
    async with line.app.acquire() as tx, tx.transaction():
        policy = await ensure_policy(tx, line.secrets.policy)
    facts = {"model": "ThinkPad X1", "os": {"name": "Debian GNU/Linux", "family": "linux", "version": "12"}}
    session = {**SEED_SESSION, "user_id": str(provisional), "device_id": str(device.id)}
    payload = seed_payload(device, provisional, device=facts, sessions=[session])
    await line.append(device.batch([payload], subject=provisional, policy=policy))
    await line.digest()
    account = Account(name="anna")
    user = (await log_on(line.app, line.keyring, line.secrets, account, device.id, provisional, NOW)).subject
    told = await plane.get(f"/devices/{device.id}", personal=True, purpose="ticket 17")
    assert (told["model"], told["os_name"], told["packages"]) == ("ThinkPad X1", "Debian GNU/Linux", 1)
    assert [(u["user_id"], u["account"]) for u in told["users"]] == [(str(user), "anna")]
    assert [d["device_id"] for d in (await plane.get("/devices", q="user:anna os:debian"))["items"]] == [str(device.id)]
    held = {f["attribute"]: f["value"] for f in await plane.get(f"/devices/{device.id}/facts")}
    assert (held["policy"], held["model"]) == (policy, "ThinkPad X1")
