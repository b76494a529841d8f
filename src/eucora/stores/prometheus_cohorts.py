"""Prometheus told by cohort: aggregates in place of a series a device, on the connections of the Prometheus it is given.

A series of a device that was told before the setting changed is forgotten with the device, as ever.
"""

from collections.abc import Sequence
from typing import Protocol

from eucora import clock
from eucora.stores.isolate import Lost, refusals
from eucora.stores.ports import Finding, Follows, Forgotten, Interval, Parcel, Told, Whose
from eucora.stores.remote_write import Sample, name_series


class Server(Protocol):
    """A server that takes samples of any series."""

    async def push(self, samples: Sequence[Sample]) -> list[Lost]:
        """What it never takes. Raises TryLater."""
        ...

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """What it holds of a device."""
        ...

    async def inspect(self) -> tuple[Finding, ...]:
        """Settings and health."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class PrometheusCohorts:
    """The port Follower."""

    name = "prometheus-cohorts"
    kind: Follows = "cohorts"

    def __init__(self, prometheus: Server) -> None:
        self._prometheus = prometheus

    async def write(self, parcel: Parcel) -> Told:
        """Aggregates of a step, each a sample of a series of its own."""
        samples: list[Sample] = []
        unnamed: list[Lost] = []
        for row in parcel.rows:
            named, ms = name_series(row.name, row.labels), clock.to_ms(row.time)
            if named is None:
                unnamed.append(("not-held", ms))
            else:
                samples.append((named.before + named.behind, ms, row.value))
        lost = await self._prometheus.push(sorted(samples))
        return Told(len(samples) - len(lost), refused=refusals([*unnamed, *lost]))

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        """Series of the device alone; an aggregate is about five at least."""
        return await self._prometheus.forget(whose, interval)

    async def inspect(self) -> tuple[Finding, ...]:
        """What is said of the server itself."""
        return await self._prometheus.inspect()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._prometheus.close()
