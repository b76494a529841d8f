"""Samples of a payload as columns: a shape that names them once, and their values in canonical units. Pure.

A payload gives one row of the device's own numbers, and one more a program, histogram or deployment. Labels never hold
what names a person: mounts are named only when every system has them, sensors only in the words of drivers (`names`).
"""

import re
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from eucora.archive.query import STATES
from eucora.archive.shapes import Shapes
from eucora.pipeline.names import is_part, program
from eucora.pipeline.units import SCALE
from eucora_wire.payload import Payload
from eucora_wire.registry import METRICS
from eucora_wire.sections.apps import App, Histogram
from eucora_wire.sections.deployments import Deployment
from eucora_wire.sections.hardware import Hardware

Labels = dict[str, str]
Part = tuple[str, Labels]
Columns = tuple[int, list[float]]
"""A shape and its values."""


def _fields(section: str, *extra: str) -> tuple[str, ...]:
    names = tuple(p.split(".")[1] for p in METRICS if p.startswith(section + ".") and p.count(".") == 1)
    return names + extra


def _scale(path: str) -> float:
    return SCALE.get(METRICS[path].unit, 1.0) if path in METRICS else 1.0


def _name(path: str) -> str:
    return METRICS[path].metric if path in METRICS else STATES[path]


_HARDWARE, _NETWORK, _AGENT = _fields("hardware"), _fields("network", "proxy"), _fields("agent")
_PATHS = (
    *(f"hardware.{n}" for n in _HARDWARE),
    *(f"network.{n}" for n in _NETWORK),
    *(f"agent.{n}" for n in _AGENT),
)
_NAMES = tuple(_name(p) for p in _PATHS)
_SCALES = tuple(_scale(p) for p in _PATHS)
_of_hardware, _of_network, _of_agent = attrgetter(*_HARDWARE), attrgetter(*_NETWORK), attrgetter(*_AGENT)
_NO_HARDWARE, _NO_NETWORK, _NO_AGENT = (None,) * len(_HARDWARE), (None,) * len(_NETWORK), (None,) * len(_AGENT)

MOUNTS = frozenset(
    ("/", "/boot", "/boot/efi", "/efi", "/home", "/opt", "/srv", "/tmp", "/usr", "/var", "/var/log", "/var/tmp")  # noqa: S108
)
_DRIVE = re.compile(r"[A-Za-z]:\\?")
_STRANGE = re.compile(r"[^A-Za-z0-9_.:+@ -]+")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+~:-]{0,47}")
_APP_FIELDS = ("launches", "hangs", "errors", "crashes", "used_seconds")


def columns(payload: Payload, shapes: Shapes) -> Iterator[Columns]:
    """The rows of a payload: none when it carries no number."""
    if payload.hardware is not None or payload.network is not None or payload.agent is not None:
        yield device_columns(payload, shapes)
    if payload.apps is not None:
        for app in payload.apps.apps:
            yield from app_columns(app, shapes)
    if payload.ux is not None:
        yield from _some("ux", payload.ux, ("unresponsive", "dpi_events", "logon_seconds"), {}, shapes)
        if payload.ux.latency is not None:
            yield histogram_columns(STATES["ux.latency"], payload.ux.latency, {}, shapes)
    for deployment in payload.deployments:
        yield from deployment_columns(deployment, shapes)


def device_columns(payload: Payload, shapes: Shapes) -> Columns:
    """Health, network and agent in one row. The hot path: one look-up for the shape, one pass for the values."""
    h, n, a = payload.hardware, payload.network, payload.agent
    raw = (
        (_NO_HARDWARE if h is None else _of_hardware(h))
        + (_NO_NETWORK if n is None else _of_network(n))
        + (_NO_AGENT if a is None else _of_agent(a))
    )
    values = [v * f for v, f in zip(raw, _SCALES, strict=True) if v is not None]
    labelled: tuple[Part, ...] = ()
    key: Any = tuple([v is None for v in raw])
    if a is not None:
        key = (key, a.version, a.status, a.severity)
        values.append(1.0)
    if h is not None and (h.volumes or h.sensors or h.batteries):
        labelled, more = list_columns(h, shapes.full)
        key = (key, tuple([(name, *labels.values()) for name, labels in labelled]))
        values += more

    def parts() -> list[Part]:
        found: list[Part] = [(name, {}) for name, v in zip(_NAMES, raw, strict=True) if v is not None]
        if a is not None:
            grave = {"severity": a.severity} if a.severity else {}
            found.append((STATES["agent.status"], {"version": version(a.version), "status": a.status, **grave}))
        return found + list(labelled)

    return shapes.number("metrics", key, parts), values


def list_columns(h: Hardware, full: bool) -> tuple[tuple[Part, ...], list[float]]:
    """Every volume, sensor and battery, told apart by a label. `full`: names given by devices are no longer taken."""
    parts: list[Part] = []
    values: list[float] = []

    def say(path: str, labels: Labels, value: float | None) -> None:
        if value is not None:
            parts.append((_name(path), labels))
            values.append(value * _scale(path))

    for volume, name in zip(h.volumes, apart([mount(v.mount) for v in h.volumes]), strict=True):
        say("hardware.volumes.total", {"mount": name}, volume.total)
        say("hardware.volumes.used", {"mount": name}, volume.used)
    for sensor, name in zip(h.sensors, apart([part(s.name, full) for s in h.sensors]), strict=True):
        say("hardware.sensors.value", {"sensor": name}, sensor.value)
    for battery, name in zip(h.batteries, apart([word(b.name, full) for b in h.batteries]), strict=True):
        labels = {"battery": name}
        say("hardware.batteries.charge", labels, battery.charge)
        say("hardware.batteries.cycles", labels, battery.cycles)
        say("hardware.batteries.capacity", labels, battery.capacity)
        say("hardware.batteries.plugged", labels, battery.plugged)
    return tuple(parts), values


def app_columns(app: App, shapes: Shapes) -> Iterator[Columns]:
    """A program's counts, and its launch times as a histogram."""
    labels = {"app": word(program(app.name), shapes.full)}
    if app.version is not None and not shapes.full:
        labels["version"] = version(app.version)
    yield from _some("apps.apps", app, _APP_FIELDS, labels, shapes)
    if app.launch_time is not None:
        yield histogram_columns(STATES["apps.apps.launch_time"], app.launch_time, labels, shapes)


def deployment_columns(deployment: Deployment, shapes: Shapes) -> Iterator[Columns]:
    """How long a deployment took, by its outcome; which it was stands in its line."""
    yield from _some("deployments", deployment, ("duration",), {"outcome": deployment.outcome}, shapes)


def histogram_columns(name: str, histogram: Histogram, labels: Labels, shapes: Shapes) -> Columns:
    """Cumulated buckets, sum and count as Prometheus has them; milliseconds become seconds."""
    bounds = (*[f"{bound * SCALE['ms']:.6g}" for bound in histogram.bounds], "+Inf")
    values, total = [], 0
    for count in histogram.counts:
        total += count
        values.append(float(total))
    values += [histogram.sum * SCALE["ms"], float(total)]

    def parts() -> list[Part]:
        buckets: list[Part] = [(f"{name}_bucket", {**labels, "le": bound}) for bound in bounds]
        return [*buckets, (f"{name}_sum", labels), (f"{name}_count", labels)]

    return shapes.number("metrics", (name, bounds, *labels.items()), parts), values


def _some(section: str, said: Any, fields: tuple[str, ...], labels: Labels, shapes: Shapes) -> Iterator[Columns]:
    """The numbers that are there, under one set of labels; nothing when there is none."""
    present = [(f"{section}.{f}", v) for f in fields if (v := getattr(said, f)) is not None]
    if present:
        paths = tuple([path for path, _ in present])
        number = shapes.number("metrics", (paths, *labels.items()), lambda: [(_name(p), labels) for p in paths])
        yield number, [v * _scale(path) for path, v in present]


def mount(name: str) -> str:
    """A mount that every system has, by its name; all others may name a person: `other`."""
    if name in MOUNTS:
        return name
    return name[0].upper() + ":" if _DRIVE.fullmatch(name) else "other"


def word(name: str, full: bool) -> str:
    """A name given by a device, in a word's characters."""
    return "other" if full else _STRANGE.sub("_", name)[:64] or "other"


def part(name: str, full: bool) -> str:
    """A sensor or battery; one that its owner may have named is `other`."""
    return word(name, full or not is_part(name))


def version(text: str) -> str:
    """A version that looks like one."""
    return text if _VERSION.fullmatch(text) else "other"


def apart(names: list[str]) -> list[str]:
    """The same names, numbered where one comes again: `other`, `other-2`."""
    if len(set(names)) == len(names):
        return names
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found
