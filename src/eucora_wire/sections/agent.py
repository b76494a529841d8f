"""Agent health: heartbeats, queue depth, retries, and what the agent itself costs."""

from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import DIGEST, fact, measure, part, text

Status = Literal["healthy", "degraded", "offline"]
Severity = Literal["S1", "S2", "S3"]


class Holds(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the agent told last, this payload included, as digests (`eucora_wire.state`). What it never told is absent."""

    software: Annotated[str, fact("Digest of the whole inventory", pattern=DIGEST, purposes=("inventory",))] | None = (
        None
    )
    device: Annotated[str, fact("Digest of the device facts", pattern=DIGEST, purposes=("inventory",))] | None = None
    sessions: (
        Annotated[
            str,
            fact(
                "Digest of the sessions that ended last and go on",
                pattern=DIGEST,
                purposes=("inventory",),
                data="pseudonymous",
            ),
        ]
        | None
    ) = None


class Agent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The agent about itself. `offline` is said by what it collected while it could not reach the platform."""

    version: Annotated[str, text("Agent version", 64)]
    queue_depth: Annotated[
        int, measure("count", "eucora_agent_queue_depth", "Items in the spool", ge=0, le=100_000_000)
    ]
    status: Annotated[Status, fact("The agent's own verdict")]
    retries: Annotated[int, measure("count", "eucora_agent_retries_total", "Deliveries tried again", ge=0)] | None = (
        None
    )
    heartbeat_failures: (
        Annotated[
            int,
            measure("count", "eucora_agent_heartbeat_failures_total", "Times the platform could not be reached", ge=0),
        ]
        | None
    ) = None
    shed: (
        Annotated[int, measure("count", "eucora_agent_shed_total", "Items that the spool had to shed", ge=0)] | None
    ) = None
    memory: Annotated[int, measure("bytes", "process_resident_memory_bytes", "Memory of the agent", ge=0)] | None = None
    cpu_seconds: (
        Annotated[float, measure("seconds", "process_cpu_seconds_total", "Processor time of the agent", ge=0)] | None
    ) = None
    severity: (
        Annotated[
            Severity, fact("Trouble of delivery by its class: S1 lost or undeliverable, S2 degraded, S3 out of order")
        ]
        | None
    ) = None
    holds: Annotated[Holds, part("What the platform should hold of this device")] | None = None
