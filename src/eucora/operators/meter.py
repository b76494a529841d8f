"""How fast the line runs: the sums of appended and digested positions, looked at every few seconds, a minute deep."""

import asyncio
from collections import deque
from typing import Any, Self, TypeAlias

import structlog
from msgspec import Struct

from eucora import clock
from eucora.operators.statements import SQL
from eucora.problems import TryLater
from eucora.slice import Pool
from eucora.stores.postgres import translated
from eucora.web.given import Given

EVERY_S = 5.0
DEEP = 13
log = structlog.get_logger()


class Reading(Struct, frozen=True):
    """Sums over all places at one moment (`at_s` of the monotonic clock)."""

    at_s: float
    appended: int
    digested: int


class Meter:
    """Reads in the background while it is entered; a database that is away leaves a gap."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._readings: deque[Reading] = deque(maxlen=DEEP)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                with translated():
                    self.take(await self._pool.fetch(SQL.positions))
            except TryLater:
                log.warning("meter_skipped")
            await asyncio.sleep(EVERY_S)

    def take(self, places: list[Any]) -> None:
        """Remember the positions of now."""
        self._readings.append(
            Reading(clock.monotonic(), sum(p["tip"] for p in places), sum(p["position"] for p in places))
        )

    def rates(self) -> tuple[float, float]:
        """Entries a second appended and digested, over the last minute at most."""
        if len(self._readings) < 2:
            return 0.0, 0.0
        first, last = self._readings[0], self._readings[-1]
        span_s = max(last.at_s - first.at_s, 0.001)
        return (last.appended - first.appended) / span_s, (last.digested - first.digested) / span_s


GivenMeter: TypeAlias = Given[Meter]
