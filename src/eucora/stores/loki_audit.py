"""The copy of the audit trail in Loki: a stream of its own, which its own rule keeps for 730 days.

A repeat is the same line at the same nanosecond, which Loki merges. Nothing in it is erased: the trail is evidence, and
names persons by pseudonym only.
"""

from collections.abc import Sequence
from typing import Protocol

from eucora import clock
from eucora.stores.loki_push import AUDIT, Entry, value
from eucora.stores.ports import Finding, Follows, Forgotten, Interval, Parcel, Recorded, Told, Whose

STREAM = (("service_name", AUDIT),)


class Server(Protocol):
    """A Loki that takes entries of any stream."""

    async def push(self, entries: Sequence[Entry], merged: int, clamped: int) -> Told:
        """Raises TryLater."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class LokiAudit:
    """The port Follower; the connections are those of the Loki that it is given."""

    name = "loki-audit"
    kind: Follows = "audit"

    def __init__(self, loki: Server) -> None:
        self._loki = loki

    async def write(self, parcel: Parcel) -> Told:
        """Events in their order."""
        return await self._loki.push(entries(parcel.rows), 0, 0)

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Nothing: that somebody was erased is recorded here too."""
        return Forgotten(0)

    async def inspect(self) -> tuple[Finding, ...]:
        """Nothing beyond what is said of the server itself."""
        return ()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._loki.close()


def entries(rows: Sequence[Recorded]) -> list[Entry]:
    """A nanosecond of its own behind the microsecond, from its position: two events of one moment are two, in order."""
    found: list[Entry] = []
    for row in rows:
        us = clock.to_us(row.at)
        ns = us * 1_000 + row.position % 1_000
        found.append((STREAM, us // 1_000, ns, value(ns, row.text, row.marks)))
    return found
