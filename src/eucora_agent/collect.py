"""Run the collectors that are due and join what they say into one payload. A failing collector is a gap and a note."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from eucora_agent.collectors import COLLECTORS, Collector, Context, Reading, together
from eucora_agent.collectors.changes_packages import of_delta
from eucora_agent.memory import Ended, Memory
from eucora_agent.warnings import Warnings
from eucora_wire.delta import difference, inventory, is_empty
from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Agent, Holds
from eucora_wire.sections.changes import Change
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Software
from eucora_wire.state import digest_of_sessions

METRICS = frozenset(("cpu", "memory", "disk", "temperature", "battery", "session"))
"""What is read at each beat of the cadence; the rest has a rhythm of its own, never faster than the beat."""


def due(now_s: float, last: Mapping[str, float], cadence_s: float) -> list[Collector]:
    """Those whose time has come, in the order of the list."""
    return [
        c for c in COLLECTORS if now_s - last.get(c.name, float("-inf")) >= _every_s(c, cadence_s) - 0.25 * cadence_s
    ]


def _every_s(collector: Collector, cadence_s: float) -> float:
    return cadence_s if collector.name in METRICS else max(collector.every_s, cadence_s)


def read(collectors: list[Collector], context: Context, memory: Memory, warnings: Warnings) -> Reading:
    """What they see, joined; each is handed its own state, and what it hands back is remembered."""
    readings = []
    for collector in collectors:
        told = Context(
            context.now,
            context.boot,
            context.monotonic_s,
            context.root,
            context.gateway,
            context.link,
            memory.states.get(collector.name, {}),
            context.pause,
        )
        try:
            reading = collector.read(told)
        except Exception as exc:  # noqa: BLE001 - one failing collector is a gap and a note, never a crash
            warnings.note("collector_failed", f"{collector.name}: {type(exc).__name__}", context.now)
            continue
        memory.states[collector.name] = dict(reading.state)
        readings.append(reading)
    return together(readings)


def software_of(
    reading: Reading, memory: Memory, now: datetime, *, full: bool
) -> tuple[Software | None, tuple[Change, ...]]:
    """The inventory in full when none was sent or one is asked for, else what changed; and the changes that this shows.

    Remember the inventory only by `memory.keep_inventory` after the payload was appended: see `run`.
    """
    if not reading.packages:
        return None, ()
    before = memory.inventory()
    sources = set(reading.packages)
    kept = [p for p in (before or {}).values() if p.source not in sources]
    after = inventory([*kept, *(p for packages in reading.packages.values() for p in packages)])
    if before is None or full:
        return Software(packages=tuple(after.values())), ()
    delta = difference(before, after)
    changes = of_delta(delta, "rpm", now) if "rpm" in sources else ()
    return (None if is_empty(delta) else Software(delta=delta)), tuple(changes)


def payload_of(
    device_id: uuid.UUID,
    subject: uuid.UUID | None,
    reading: Reading,
    now: datetime,
    health: Agent,
    **more: Any,
) -> Payload:
    """One payload; what is not there is absent."""
    return Payload(
        device_id=device_id,
        timestamp=now,
        user_id=subject,
        hardware=reading.hardware,
        network=reading.network,
        apps=reading.apps,
        agent=health,
        **more,
    )


def whole(payload: Payload) -> set[str]:
    """The state sections that it carries whole."""
    told = {"device": payload.device, "sessions": payload.sessions, "software": payload.software}
    if payload.software is not None and payload.software.packages is None:
        del told["software"]
    return {section for section, said in told.items() if said}


def with_holds(payload: Payload, holds: Holds, ended: Ended | None, session: Session | None) -> Payload:
    """With the digests of what the platform should hold: of sessions that which ended last and that which goes on."""
    assert payload.agent is not None
    if ended is not None or session is not None:
        last = None if ended is None else ended.session
        holds = msgspec.structs.replace(holds, sessions=digest_of_sessions(*filter(None, (last, session))))
    return msgspec.structs.replace(payload, agent=msgspec.structs.replace(payload.agent, holds=holds))


def rank(payload: Payload) -> int:
    """What is shed last: 4 audit and security · 3 deployment · 2 health · 1 experience."""
    if payload.sessions or payload.device or any(c.kind == "policy" for c in payload.changes):
        return 4  # who was there, whether the disk is encrypted, which rules held
    if payload.software or payload.changes or payload.deployments:
        return 3
    return 2 if payload.hardware or payload.network or payload.apps else 1


def withhold(payload: Payload, collected: Mapping[str, bool]) -> Payload:
    """Without what the policy does not collect; how often each rule held is counted."""
    counts = dict(payload.withheld)
    for path, wanted in collected.items():
        section, _, name = path.partition(".")
        part = getattr(payload, section, None)
        if wanted or not isinstance(part, msgspec.Struct) or getattr(part, name, None) is None:
            continue
        payload = msgspec.structs.replace(payload, **{section: msgspec.structs.replace(part, **{name: None})})
        counts[path] = counts.get(path, 0) + 1
    return payload if counts == payload.withheld else msgspec.structs.replace(payload, withheld=counts)
