"""What a collector is told and what it answers, and how the answers of many become one."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from eucora_wire.clock import Boot
from eucora_wire.sections.apps import Apps
from eucora_wire.sections.changes import Change
from eucora_wire.sections.device import Device
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.network import Network
from eucora_wire.sections.software import Package

State = Mapping[str, Any]

HISTORY = timedelta(days=7)
"""How far back a first read of logs looks: older is history of another time, and the platform refuses what is too old."""


@dataclass(frozen=True, slots=True)
class Link:
    """What the kernel learnt from the agent's own connection to the gateway (see `network.observe`)."""

    rtt_ms: float
    bits_per_second: float


@dataclass(frozen=True, slots=True)
class Context:
    """What a collector is told. `gateway` is (host, port) where probes go; `pause` is how it waits.

    `monotonic_s` is CLOCK_MONOTONIC at `now`: the kernel dates its messages by it.
    """

    now: datetime
    boot: Boot
    monotonic_s: float
    root: Path = Path("/")
    gateway: tuple[str, int] | None = None
    link: Link | None = None
    state: State = field(default_factory=dict)
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged on. Never part of a payload: the core exchanges it for a subject id."""

    account: str
    uid: str
    since: datetime
    session: str
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What collectors saw. `packages` holds whole inventories by source: a source not in it is unchanged.

    `people` is None when nobody asked, () when nobody is logged on; who sits at the device comes first.
    """

    hardware: Hardware | None = None
    network: Network | None = None
    device: Device | None = None
    apps: Apps | None = None
    changes: tuple[Change, ...] = ()
    packages: Mapping[str, tuple[Package, ...]] = field(default_factory=dict)
    people: tuple[Person, ...] | None = None
    state: State = field(default_factory=dict)


def together(readings: Iterable[Reading]) -> Reading:
    """All parts in one reading, without state. Where two speak of one field, the later has the word."""
    whole = Reading()
    for r in readings:
        whole = replace(
            whole,
            hardware=_join(whole.hardware, r.hardware),
            network=_join(whole.network, r.network),
            device=_join(whole.device, r.device),
            apps=_join(whole.apps, r.apps),
            changes=whole.changes + r.changes,
            packages={**whole.packages, **r.packages},
            people=whole.people if r.people is None else r.people,
        )
    return whole


S = TypeVar("S", bound=msgspec.Struct)


def _join(old: S | None, new: S | None) -> S | None:
    if old is None or new is None:
        return new if old is None else old
    said = {name: value for name in new.__struct_fields__ if (value := getattr(new, name)) not in (None, ())}
    return msgspec.structs.replace(old, **said)


def record_id(machine: str, when: datetime, *words: str) -> uuid.UUID:
    """A UUIDv7 whose 74 random bits are a digest of machine and words: the same record read twice has one id."""
    digest = hashlib.sha256("\0".join((machine, when.isoformat(), *words)).encode()).digest()
    tail = int.from_bytes(digest[:10], "big")
    ms = max(0, int(when.timestamp() * 1000)) & 0xFFFF_FFFF_FFFF
    return uuid.UUID(int=ms << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 2 << 62 | tail & (1 << 62) - 1)
