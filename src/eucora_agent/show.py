"""What the agent prints for people: its status, and what it would send now."""

import uuid

import msgspec

from eucora_agent import VERSION, collect, moment, status
from eucora_agent.collectors import COLLECTORS, Context, Reading
from eucora_agent.problems import NotEnrolled
from eucora_agent.settings import Settings
from eucora_agent.severity import DOES
from eucora_agent.warnings import Warnings
from eucora_wire.delta import inventory
from eucora_wire.sections.agent import Agent
from eucora_wire.sections.software import Software

NOBODY = uuid.UUID(int=0)


class _Nothing:
    """A memory that remembers nothing: everything is told anew."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, object]] = {}


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Raises NotEnrolled when no agent ever ran here."""
    said = status.read(settings.dir)
    if said is None:
        raise NotEnrolled("no agent has run here yet: enrol, then `eucora-agent run`")
    cost = status.cost(said, moment.read().uptime_s)
    if as_json:
        told = {**msgspec.to_builtins(said), "running": cost is not None, **(msgspec.to_builtins(cost) if cost else {})}
        print(msgspec.json.encode(told).decode())  # noqa: T201
        return
    rows = {
        "device": said.device_id,
        "agent": f"{said.version}, " + (f"running as pid {said.pid}" if cost else "not running"),
        "memory": f"{cost.rss_mb} MB resident" if cost else "-",
        "processor": f"{cost.cpu_percent} % of a core over {cost.running_s:.0f} s" if cost else "-",
        "state": f"{said.status}, {said.severity}: {DOES[said.severity]}" if said.severity else said.status,
        "queue": f"{said.queue_depth} not yet acknowledged"
        + (f"; batches that wait since the line did not carry them: {said.held_back}" if said.held_back else ""),
        "last ack": said.last_ack or "none yet",
        "last problem": said.last_problem or "none",
        "certificate": f"until {said.certificate_expires}",
        "policy": said.policy,
    }
    for name, value in rows.items():
        print(f"{name:<14}{value}")  # noqa: T201


def show_payload(*, as_json: bool) -> None:
    """One payload of this machine, with its first, full inventory; device and person left out."""
    at = moment.read()
    context = Context(at.now, at.boot, at.monotonic_s)
    reading: Reading = collect.read(list(COLLECTORS), context, _Nothing(), Warnings())  # type: ignore[arg-type]
    packages = inventory(p for found in reading.packages.values() for p in found)
    payload = collect.payload_of(
        NOBODY,
        None,
        reading,
        at.now,
        Agent(version=VERSION, queue_depth=0, status="healthy"),
        device=reading.device,
        software=Software(packages=tuple(packages.values())) if packages else None,
        changes=reading.changes,
    )
    encoded = msgspec.json.encode(payload)
    print((encoded if as_json else msgspec.json.format(encoded)).decode())  # noqa: T201
