"""When: the wall clock beside a clock that runs since boot, also during sleep. The only file that asks a clock."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from eucora_wire.clock import Boot, Sent

STEP_MS = 1_000
"""The wall clock was set when its offset to boot time moved by more than this."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks."""

    boot: Boot
    wall_ms: int
    monotonic_s: float = 0.0

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall_ms / 1000, UTC)

    @property
    def sent(self) -> Sent:
        return Sent(self.boot, self.wall_ms)

    @property
    def uptime_s(self) -> float:
        return self.boot.uptime_ms / 1000

    def continues(self, earlier: "Moment") -> bool:
        """Of one boot, and the wall clock was not set in between."""
        moved_ms = (self.wall_ms - self.boot.uptime_ms) - (earlier.wall_ms - earlier.boot.uptime_ms)
        return self.boot.id == earlier.boot.id and abs(moved_ms) <= STEP_MS

    def age_s(self, earlier: "Moment") -> float:
        """Seconds since `earlier`: by boot time where it can be had, else by the wall."""
        if self.boot.id == earlier.boot.id:
            return (self.boot.uptime_ms - earlier.boot.uptime_ms) / 1000
        return (self.wall_ms - earlier.wall_ms) / 1000


def read() -> Moment:
    """Both clocks now."""
    uptime_ms = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
    return Moment(Boot(_boot_id(), uptime_ms), int(time.time() * 1000), time.monotonic())


@cache
def _boot_id() -> uuid.UUID:
    return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
