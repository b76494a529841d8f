"""How many items the next batch holds, and which batch waits: fewer when the line does not carry what it is given, more when
it does at once. Pure: docs/decisions/wire.md.

A sealed batch stays as it is; its size is about those that are sealed next. All is forgotten when the agent ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from eucora_agent.spool_head import Sealed

LEAST, MOST = 8, 1_024
"""Fewer than eight payloads weigh less than the handshake before them; above, the configuration is the bound."""
QUICK_S, SLOW_S = 1.0, 5.0
ASIDE_S = (60.0, 600.0)
"""How long a batch waits that the line does not carry, so that others pass."""

Draw = Callable[[float, float], float]


@dataclass(slots=True)
class Carried:
    """What the line was seen to carry: `fits` items in a batch. And what it did not: how often a batch was torn, and until
    when (uptime) it waits."""

    fits: int = MOST
    torn: dict[int, int] = field(default_factory=dict)
    until_s: dict[int, float] = field(default_factory=dict)

    def waits(self, sealed: Sealed, now_s: float) -> bool:
        return now_s < self.until_s.get(sealed.number, 0.0)

    def waiting(self, now_s: float) -> int:
        """How many batches wait."""
        return sum(now_s < until_s for until_s in self.until_s.values())

    def answered(self, sealed: Sealed, took_s: float) -> None:
        """Only a batch as large as may be says that a larger one may fit, too."""
        self.torn.pop(sealed.number, None)
        self.until_s.pop(sealed.number, None)
        if took_s > SLOW_S:
            self._halve(sealed)
        elif took_s <= QUICK_S and sealed.items >= self.fits:
            self.fits = min(MOST, self.fits * 2)

    def stalled(self, sealed: Sealed, now_s: float, draw: Draw, *, may_wait: bool) -> None:
        """It was begun, and never answered. One that is as small as a batch may be waits only when it was torn twice, and
        alone: in an outage one of them has to try the platform."""
        self._halve(sealed)
        self.torn[sealed.number] = self.torn.get(sealed.number, 0) + 1
        if may_wait and (sealed.items > self.fits or (self.torn[sealed.number] > 1 and not self.waiting(now_s))):
            self.until_s[sealed.number] = now_s + draw(*ASIDE_S)

    def _halve(self, sealed: Sealed) -> None:
        self.fits = max(LEAST, min(self.fits, sealed.items) // 2)
