"""How grave the trouble of delivery is, in the three classes of the specification (§13), each with what is done. Pure.

S1 Critical, telemetry lost or undeliverable: buffer + retry. S2 Partial, degraded throughput: compress + batch. S3 Minor,
events out of order: logical timestamp sort. The gravest that holds is told; none is "".
"""

from typing import Literal

from msgspec import Struct

Severity = Literal["", "S1", "S2", "S3"]
UNREACHED = 3
"""Failures in a row after which the platform counts as away."""
BACKLOG = 20
"""Items that wait, beyond what one beat leaves over."""
DOES: dict[Severity, str] = {
    "": "",
    "S1": "telemetry can't be delivered, or was lost: it is buffered, and tried again",
    "S2": "throughput is degraded: what waits is compressed and sent in batches",
    "S3": "events are out of order: they are sorted by stream and number, not by time",
}
"""In words, with the action."""


class Seen(Struct, frozen=True):
    """What a beat saw. `lost`: items that the spool let go since the beat before; `asked_for`: batches that are missed.

    `clock_set`: what came before and what comes now are out of order by the wall clock.
    """

    failures: int = 0
    lost: int = 0
    waiting: int = 0
    asked_for: int = 0
    clock_set: bool = False


def severity(seen: Seen) -> Severity:
    """The gravest class that holds."""
    if seen.failures >= UNREACHED or seen.lost:
        return "S1"
    if seen.failures or seen.waiting > BACKLOG:
        return "S2"
    if seen.asked_for or seen.clock_set:
        return "S3"
    return ""
