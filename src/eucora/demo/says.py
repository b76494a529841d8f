"""What a machine says, stretch by stretch: payloads as an agent makes them, the same ones for the same seed and moment."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import sin
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from eucora import __version__
from eucora.demo.cast import DRIVER, Machine, dice, installed, updated
from eucora.demo.story import DAY, MINUTE, Stretch, Trouble, Update, ticks, trouble, updates
from eucora_wire.delta import Inventory, difference
from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Agent
from eucora_wire.sections.apps import App, Apps, Crash
from eucora_wire.sections.changes import Change
from eucora_wire.sections.deployments import Deployment
from eucora_wire.sections.device import Device, OperatingSystem
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Battery, Hardware
from eucora_wire.sections.logs import Line
from eucora_wire.sections.network import Network
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.sections.software import Software
from eucora_wire.sections.spans import Span

DEMO = uuid.UUID("0199d1e0-0000-7000-8000-00000000de00")
GIB = 2**30
SECOND = timedelta(seconds=1)


class Voice(Struct):
    """A machine in the middle of its story: what it is as a device, and what of it has been said."""

    machine: Machine
    device: uuid.UUID
    seed: int
    made: Sequence[Update]
    inventory: Inventory
    said: int = 0
    """Updates that were told."""
    introduced: bool = False


def voice(machine: Machine, device: uuid.UUID, seed: int, now: datetime) -> Voice:
    """At the beginning."""
    return Voice(machine, device, seed, updates(machine, seed, now), installed(machine))


def speak(who: Voice, stretch: Stretch, subject: uuid.UUID, at: Sequence[datetime] | None = None) -> list[Payload]:
    """All that it says of a stretch, or of some moments of it; the session begins with the first moment of all."""
    whole = ticks(stretch)
    moments = whole if at is None else at
    chance = dice(
        who.seed, who.machine.number, stretch.back, stretch.person, "" if at is None else moments[0].timestamp()
    )
    return [
        _payload(who, stretch, subject, moment, moment == whole[0], moment == whole[-1] and at is None, chance)
        for moment in moments
    ]


def _payload(
    who: Voice, stretch: Stretch, subject: uuid.UUID, at: datetime, first: bool, last: bool, chance: Random
) -> Payload:
    wrong = trouble(who.machine, stretch, who.made, at)
    made = Payload(
        device_id=who.device,
        timestamp=at,
        user_id=subject,
        hardware=_hardware(who.machine, stretch, wrong, at, chance),
        network=_network(stretch, wrong, chance),
        agent=Agent(__version__, chance.choice((0, 0, 0, 1)), "healthy", memory=44_000_000 + chance.randrange(10**6)),
    )
    more = _introduction(who) if not who.introduced else {}
    for part in (
        _session(who, stretch, subject, first, last),
        _updates(who, at, chance),
        _troubles(who, wrong, at, chance),
    ):
        more = {
            **more,
            **{name: more.get(name, ()) + value if isinstance(value, tuple) else value for name, value in part.items()},
        }
    return replace(made, **more) if more else made


def _id(who: Voice, *of: object) -> uuid.UUID:
    return uuid.uuid5(DEMO, "/".join(map(str, (who.device, *of))))


def _hardware(machine: Machine, stretch: Stretch, wrong: Trouble, at: datetime, chance: Random) -> Hardware:
    busy = 0.5 + 0.5 * sin((at - stretch.since) / MINUTE / 37 + machine.number)
    cpu = min(99.0, max(1.0, 6 + 38 * busy**3 + chance.gauss(0, 3) + (22 if wrong.driver else 0)))
    laptop = machine.model.chassis == "laptop"
    charge = max(8.0, 100 - ((at - stretch.since) / MINUTE) % 190 / 2.2)
    worn = 52.0 if machine.part == "worn" else 96.0 - machine.number % 9
    total = machine.model.memory_gib * GIB
    memory = min(97.0, 41 + 24 * busy + machine.number % 11 + chance.gauss(0, 1))
    return Hardware(
        cpu=round(cpu, 1),
        memory=round(memory, 1),
        disk=_disk(machine, stretch, at),
        thermal=round(38 + cpu * 0.38 + (13 if wrong.driver else 0) + chance.gauss(0, 1), 1),
        battery=round(charge, 1) if laptop else None,
        memory_total=total,
        memory_used=int(total * memory / 100),
        uptime=(at - stretch.since) / SECOND + 60,
        batteries=(Battery("BAT0", round(charge, 1), cycles=180 + machine.number, capacity=worn),) if laptop else (),
    )


def _disk(machine: Machine, stretch: Stretch, at: datetime) -> float:
    if machine.part == "filling":
        return round(min(98.4, 97.5 - 2.6 * stretch.back + (at - stretch.since) / DAY), 2)
    return round(38 + machine.number * 7 % 45 - stretch.back * 0.1, 2)


def _network(stretch: Stretch, wrong: Trouble, chance: Random) -> Network:
    latency = (31 if stretch.home else 6) * (6.5 if wrong.vpn else 1) * chance.uniform(0.85, 1.3)
    lost = sum(chance.random() < (0.14 if wrong.vpn else 0.001) for _ in range(20))
    return Network(round(latency, 1), round(chance.uniform(4, 90) / (8 if wrong.vpn else 1), 1), False, 20, lost)


def _introduction(who: Voice) -> dict[str, Any]:
    """What it is, and all that is installed: once."""
    who.introduced = True
    machine, system = who.machine, who.machine.system
    device = Device(
        os=OperatingSystem(system.name, system.family, system.version, system.build),
        hostname=machine.hostname,
        serial=machine.serial,
        manufacturer=machine.model.manufacturer,
        model=machine.model.name,
        chassis=machine.model.chassis,
        architecture="x86_64",
        cpu_model=machine.model.cpu,
        cpu_count=machine.model.cores,
        memory_bytes=machine.model.memory_gib * GIB,
        disk_encrypted=machine.number % 23 != 0,
    )
    return {"device": device, "software": Software(packages=tuple(who.inventory.values()))}


def _session(who: Voice, stretch: Stretch, subject: uuid.UUID, first: bool, last: bool) -> dict[str, Any]:
    if not (first or last):
        return {}
    context = Context("home" if stretch.home else "corp", vpn=stretch.home)
    session = _id(who, "session", stretch.since)
    ends = stretch.until if last and not first and stretch.back else None
    return {"sessions": (Session(session, subject, who.device, stretch.since, ends, context),)}


def _updates(who: Voice, at: datetime, chance: Random) -> dict[str, Any]:
    """The next update whose time has come: the inventory's difference, the change, and what rolled it out."""
    if who.said == len(who.made) or who.made[who.said].at > at:
        return {}
    update = who.made[who.said]
    who.said += 1
    before = who.inventory
    who.inventory = updated(before, update.name, update.after)
    driver = update.name == DRIVER
    change = Change(
        _id(who, "change", update.after), at, "driver" if driver else "update", update.name, update.before, update.after
    )
    found: dict[str, Any] = {"software": Software(delta=difference(before, who.inventory)), "changes": (change,)}
    if update.job:
        took = chance.uniform(40, 160)
        found["changes"] += (
            Change(_id(who, "reboot", update.after), at + 3 * MINUTE, "reboot", "system", reason=update.job),
        )
        found["deployments"] = (
            Deployment(_id(who, "job", update.job), at, update.job, "succeeded", update.after, took),
        )
        found["spans"] = tuple(_rollout(who, update, at, took))
    return found


def _rollout(who: Voice, update: Update, at: datetime, took: float) -> Iterator[Span]:
    trace, root = _id(who, "trace", update.job).hex, _id(who, "span", update.job).hex[:16]
    start = at - took * SECOND
    yield Span(
        trace, root, f"deploy {update.job}", start, at, None, "ok", {"package": update.name, "version": update.after}
    )
    begins = start
    for name, share in (("download", 0.5), ("verify", 0.1), ("install", 0.4)):
        ends = begins + took * share * SECOND
        yield Span(trace, _id(who, "span", update.job, name).hex[:16], name, begins, ends, root, "ok")
        begins = ends


def _troubles(who: Voice, wrong: Trouble, at: datetime, chance: Random) -> dict[str, Any]:
    meet = App("Meet", "6.2.1", launches=int(chance.random() < 0.1), hangs=int(wrong.driver and chance.random() < 0.08))
    crashed = (wrong.driver and chance.random() < 0.022) or chance.random() < 0.0004
    found: dict[str, Any] = {}
    if crashed:
        when = at - chance.uniform(1, 200) * SECOND
        module = f"{DRIVER}64.dll" if wrong.driver else "meetcore.dll"
        crash = Crash(_id(who, "crash", at), when, "Meet", "6.2.1", "0xc0000005", module)
        found["apps"] = Apps((replace(meet, crashes=1),), (crash,))
        found["logs"] = (
            Line(_id(who, "reset", at), when - 2 * SECOND, DRIVER, "display engine {engine} hung for {seconds} s, reset",
                 "error", {"engine": "video-decode", "seconds": str(chance.randrange(2, 9))}),
            Line(_id(who, "fault", at), when, "error-reporter", "{program} ended in {module}", "critical",
                 {"program": "Meet", "module": module}),
        )  # fmt: skip
    elif meet.launches or meet.hangs:
        found["apps"] = Apps((meet,))
    if wrong.vpn and chance.random() < 0.3:
        held = str(chance.randrange(4, 300))
        found["events"] = (
            Event(_id(who, "vpn", at), at, "vpn.disconnected", "warning", detail=f"tunnel lost after {held} s"),
        )
        line = Line(_id(who, "tunnel", at), at, "VPN Client", "tunnel to {gateway} lost after {seconds} s: {reason}",
                    "warning", {"gateway": "vpn-2.demo.invalid", "seconds": held, "reason": "dead peer"})  # fmt: skip
        found["logs"] = (*found.get("logs", ()), line)
    if chance.random() < 0.02:
        line = Line(_id(who, "backup", at), at, "Backup Agent", "wrote {files} files in {seconds} s", "info",
                    {"files": str(chance.randrange(40, 900)), "seconds": str(chance.randrange(2, 60))})  # fmt: skip
        found["logs"] = (*found.get("logs", ()), line)
    return found
