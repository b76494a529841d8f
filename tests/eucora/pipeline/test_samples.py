"""Samples as columns: every metric of the registry is there under its name, and no label names a person."""

import uuid
from datetime import UTC, datetime

import pytest

from eucora.archive.query import STATES, unit_of
from eucora.archive.shapes import Shapes
from eucora.pipeline.samples import apart, columns, mount, version, word
from eucora_wire.payload import Payload
from eucora_wire.registry import METRICS
from eucora_wire.sections.agent import Agent
from eucora_wire.sections.apps import App, Apps, Histogram
from eucora_wire.sections.deployments import Deployment
from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume
from eucora_wire.sections.network import Network
from eucora_wire.sections.ux import Ux

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HISTOGRAM = Histogram(bounds=(500.0, 1000.0), counts=(2, 1, 4), sum=9000.0)


class Remembering(Shapes):
    """Shapes without a database: what was named stands in `named`."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.crowded = False

    @property
    def full(self) -> bool:
        return self.crowded

    @property
    def named(self) -> dict[int, list[tuple[str, dict[str, str]]]]:
        return {number: parts for number, (_, _, parts) in self._waiting.items()}


def told(payload: Payload, shapes: Remembering | None = None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(metric, labels) to value."""
    shapes = shapes or Remembering()
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for number, values in columns(payload, shapes):
        parts = shapes.named[number]
        assert len(parts) == len(values)
        for (name, labels), value in zip(parts, values, strict=True):
            key = (name, tuple(sorted(labels.items())))
            assert key not in found, "two values of one series in one payload"
            found[key] = value
    return found


def full() -> Payload:
    return Payload(
        device_id=uuid.uuid4(),
        timestamp=NOW,
        hardware=Hardware(
            cpu=50.0, memory=1.0, disk=1.0, thermal=1.0, battery=1.0, memory_total=1, memory_used=1, swap_used=1, uptime=1.0,
            volumes=(Volume("/", 10.0, 5.0), Volume("/home/anna", 10.0, 5.0), Volume("/media/anna/stick", 1.0, 1.0)),
            sensors=(Sensor("core", 40.0), Sensor("Anna's Trackpad", 30.0)),
            batteries=(Battery("BAT0", 50.0, cycles=3, capacity=90.0, plugged=True),),
        ),
        network=Network(12.0, 2.0, True, 5, 1, 1, 1, 1, 1),
        agent=Agent("1.0", 3, "healthy", 1, 1, 1, 1, 1.0),
        apps=Apps((App("/opt/x/editor", "1.0", 1, 2, 3, 4, 5.0, HISTOGRAM),)),
        ux=Ux(HISTOGRAM, 1, 2, 3.0),
        deployments=(Deployment(uuid.uuid4(), NOW, "job", "failed", duration=7.0),),
    )  # fmt: skip


def test_every_metric_of_the_registry_becomes_a_sample_under_its_own_name() -> None:
    names = {name for name, _ in told(full())}
    assert names >= {field.metric for field in METRICS.values()}
    assert {STATES["network.proxy"], STATES["agent.status"], STATES["hardware.batteries.plugged"]} <= names


def test_values_are_in_the_unit_that_the_metric_is_named_for() -> None:
    found = told(full())
    assert found["system_cpu_utilization_ratio", ()] == pytest.approx(0.5)
    assert found["eucora_network_latency_seconds", ()] == pytest.approx(0.012)
    assert found["eucora_network_throughput_bits_per_second", ()] == pytest.approx(2e6)
    assert found["hw_battery_capacity_ratio", (("battery", "BAT0"),)] == pytest.approx(0.9)
    for field in METRICS.values():
        wire_unit = {"percent": "ratio", "ms": "seconds", "mbps": "bits_per_second"}.get(field.unit, field.unit)
        assert unit_of(field.metric) == wire_unit, field.path


def test_only_mounts_that_every_system_has_are_named() -> None:
    labels = [labels for name, labels in told(full()) if name == "system_filesystem_usage_bytes"]
    assert labels == [(("mount", "/"),), (("mount", "other"),), (("mount", "other-2"),)]
    assert [mount(m) for m in ("c:\\", "D:", "/boot/efi", "C:\\Users\\anna", "/Users/anna")] == [
        "C:", "D:", "/boot/efi", "other", "other",
    ]  # fmt: skip


def test_a_name_given_by_a_device_keeps_a_words_characters_only() -> None:
    assert word('core"} evil{x="1', False) == "core_ evil_x_1"
    assert word("core", True) == "other"
    assert (version("128.5.0-1ubuntu2"), version("annas-laptop")) == ("128.5.0-1ubuntu2", "other")
    assert apart(["a", "b", "a"]) == ["a", "b", "a-2"]


def test_a_sensor_that_its_owner_named_is_any_other() -> None:
    labels = [dict(labels)["sensor"] for name, labels in told(full()) if name == "hw_temperature_celsius"]
    assert labels == ["core", "other"]


def test_the_same_fields_are_the_same_shape_and_other_fields_another() -> None:
    shapes = Remembering()

    def shape(**h: float) -> int:
        payload = Payload(device_id=uuid.uuid4(), timestamp=NOW, hardware=Hardware(**h))  # type: ignore[arg-type]
        return next(iter(columns(payload, shapes)))[0]

    assert shape(cpu=1.0) == shape(cpu=2.0) != shape(memory=1.0)
    assert shape(cpu=1.0, memory=0.0) not in (shape(cpu=1.0), shape(memory=1.0))


def test_when_shapes_are_many_devices_have_no_say_in_them_any_more() -> None:
    shapes = Remembering()
    shapes.crowded = True
    labels = {value for _, labels in told(full(), shapes) for _, value in labels}
    assert not labels & {"core", "BAT0", "editor"}


def test_a_histogram_is_cumulated_and_ends_in_all_observations() -> None:
    found = told(full())
    name, labels = "eucora_ux_latency_seconds", ()
    assert [found[f"{name}_bucket", (("le", le),)] for le in ("0.5", "1", "+Inf")] == [2.0, 3.0, 7.0]
    assert (found[f"{name}_sum", labels], found[f"{name}_count", labels]) == (pytest.approx(9.0), 7.0)


def test_a_payload_without_numbers_has_no_row() -> None:
    assert list(columns(Payload(device_id=uuid.uuid4(), timestamp=NOW), Remembering())) == []
