"""What the journal holds becomes queryable, once, in the right place."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.eucora.line import Device, Line

from eucora.archive.lines import Lines
from eucora.archive.query import Archive
from eucora.domains.devices import queries as devices
from eucora.domains.software import queries as software
from eucora.domains.telemetry import queries as telemetry
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

SAMPLES = Path(__file__).resolve().parents[3] / "src/eucora_wire/published/sample"


def health(device: Device, cpu: float, when: datetime) -> Payload:
    return Payload(device_id=device.id, timestamp=when, hardware=Hardware(cpu=cpu))


async def test_a_sample_is_there_after_the_digest_in_its_canonical_unit(line: Line, archive: Archive) -> None:
    device, now = await line.enrol(), datetime.now(UTC)
    await line.append(device.batch([health(device, 12.5, now - timedelta(seconds=1))]))
    assert await line.digest() == 1
    series = await telemetry.series(archive, device.id, "cpu", now - timedelta(minutes=1), now + timedelta(minutes=1))
    assert (series.metric, series.unit) == ("system_cpu_utilization_ratio", "ratio")
    assert series.points == ((now - timedelta(seconds=1), pytest.approx(0.125)),)
    assert await line.digest() == 0


async def test_every_section_of_the_contract_finds_its_place(line: Line, archive: Archive) -> None:
    device, now = await line.enrol(), datetime.now(UTC)
    text = (SAMPLES / "payload-every-section.json").read_text()
    sample = msgspec.json.decode(text, type=Payload)
    subject = sample.user_id
    moment = now - timedelta(seconds=5)
    payload = msgspec.structs.replace(sample, device_id=device.id, timestamp=moment)
    await line.append(device.batch([payload], subject=subject))
    await line.digest()
    assert await line.rows("SELECT reason, detail FROM dead_letters") == []
    latest = await telemetry.latest(archive, device.id)
    values = {(v.metric, v.labels): (v.value, v.unit) for v in latest.values}
    assert values["system_filesystem_limit_bytes", (("mount", "/"),)][1] == "bytes"
    assert values["hw_battery_cycles", (("battery", "BAT0"),)] == (212.0, "count")
    assert values["eucora_agent_info", (("status", "healthy"), ("version", "0.1.0"))] == (1.0, "count")
    assert values["eucora_app_crashes", (("app", "firefox"), ("version", "128.5.0"))] == (1.0, "count")
    assert (
        values["eucora_app_launch_seconds_bucket", (("app", "firefox"), ("le", "+Inf"), ("version", "128.5.0"))][0] == 3
    )
    row = await devices.one(line.app, device.id)
    assert row is not None
    assert row.cpu_count == 16
    assert [p.name for p in await software.installed_on(line.app, device.id)] == ["bash", "jq"]
    span = {"since": now - timedelta(days=40), "until": now + timedelta(days=1)}
    asks = Lines(kinds=telemetry.KINDS, devices=[device.id], **span)
    lines = await telemetry.lines(archive, asks, 100)
    assert sorted(x.kind for x in lines) == ["change", "crash", "deployment", "event", "log"]
    assert await line.rows("SELECT duration_s, status FROM hot_spans") == [(41.5, "ok")]
    assert await line.rows("SELECT user_id, network, vpn FROM sessions") == [(sample.sessions[0].user_id, "corp", True)]
