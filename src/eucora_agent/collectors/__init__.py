"""What the agent asks of the machine: one file a thing, listed here. A collector promises

- `read(context) -> Reading`, which fills only the parts it knows. What the machine lacks is absent, never invented.
- nothing in memory between two reads: what it wants to be told next time it hands back as `Reading.state` (small,
  JSON-able), and finds it as `Context.state`; `{}` is the first read, and asks for everything anew.
- to look below `context.root` only, so that a recorded tree stands in for a machine, and to ask no clock but `context`.

The core runs what is due (`every_s`), gives each collector its own state, joins what they say with `reading.together`,
takes a collector that raises as a gap and a note, and keeps the state of `durable` ones on disk beside what it appended,
so that a restart neither repeats nor misses a crash or a change. A full inventory is asked for by handing `{}` to
packages_*; what one of them does not mention is unchanged. `device` is whole at each read: the core sends it on change.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    battery,
    changes_packages,
    changes_reboot,
    cpu,
    crashes,
    device,
    disk,
    memory,
    network,
    packages_dpkg,
    packages_rpm,
    session,
    temperature,
)
from .reading import Context, Link, Person, Reading, together

__all__ = ["COLLECTORS", "Collector", "Context", "Link", "Person", "Reading", "together"]


@dataclass(frozen=True, slots=True)
class Collector:
    """One thing to ask, and how often. `every_s` is the default cadence; the platform's configuration may change it."""

    name: str
    read: Callable[[Context], Reading]
    every_s: float = 60.0
    durable: bool = False


COLLECTORS = (
    Collector("session", session.read),
    Collector("cpu", cpu.read),
    Collector("memory", memory.read),
    Collector("disk", disk.read),
    Collector("temperature", temperature.read),
    Collector("battery", battery.read),
    Collector("network", network.read, every_s=300.0),
    Collector("device", device.read, every_s=3600.0),
    Collector("packages_dpkg", packages_dpkg.read),
    Collector("packages_rpm", packages_rpm.read),
    Collector("changes_packages", changes_packages.read, durable=True),
    Collector("changes_reboot", changes_reboot.read, every_s=3600.0, durable=True),
    Collector("crashes", crashes.read, durable=True),
)
