"""The watch over this machine's clock: when somebody sets it, that is told. Between two looks both clocks must go equally.

The other clock counts from the start of the machine and goes on while it sleeps: neither a busy machine nor one that was
closed looks like a jump, and a clock that is drawn slowly to the right time does neither.
"""

from datetime import datetime, timedelta

import structlog

from eucora import clock

LEAST_S = 2.0
REMEMBERED = timedelta(hours=1)


class Jumps:
    """Handed both clocks at each look; remembers the last jump."""

    def __init__(self) -> None:
        self._before: float | None = None
        self._last: tuple[datetime, float] | None = None

    def look(self, wall: datetime, since_boot_s: float) -> float:
        """By how many seconds the clock was set since the look before; 0.0 for less than LEAST_S."""
        apart = wall.timestamp() - since_boot_s
        before, self._before = self._before, apart
        moved = 0.0 if before is None else apart - before
        if abs(moved) < LEAST_S:
            return 0.0
        self._last = (wall, moved)
        return moved

    async def look_now(self) -> None:
        """A job of every second."""
        if by_s := self.look(clock.now(), clock.since_boot_s()):
            structlog.get_logger().warning("clock_jumped", by_s=round(by_s))

    def lately(self, now: datetime) -> tuple[datetime, float] | None:
        """When it was set in the last hour, by the clock as it went on, and by how many seconds."""
        if self._last is None or abs(now - self._last[0]) > REMEMBERED:
            return None
        return self._last
