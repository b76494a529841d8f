"""Whose turn it is to replay. After an outage the whole fleet comes back with what it kept; the present is never held
for it, and here each device that has old batches draws a ticket and hears when its turn comes.

Tickets are drawn a site at a time, and all sites are served alike, so that a large one starves none; within a site each
device has one ticket, so that one with weeks to tell goes behind the others again after each batch. How fast tickets
are served follows what journal and digest can take: docs/decisions/storm.md.
"""

import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eucora.gateway.pace import MOST_KNOWN
from eucora.problems import TryLater

MOST, LEAST = 2_000.0, 50.0
"""Batches a second of one gateway: more than a core can take, and what is always left to the old."""
RISE = MOST / 20
LIVE_BEHIND, REPLAY_BEHIND = 2_000, 20_000
"""Batches that may wait for the digest: about a second's live ones, and half a minute's replayed."""
CROWDED = 512
"""Batches that wait at the door before a replayed one is told to come again: a whole commit."""
AT_ONCE_S = 1.0
LONGEST_S = 120.0
"""Who waits for longer hears of it in between: the rate when he asked may have been of a bad moment."""


@dataclass(slots=True)
class Line:
    """Of one site: tickets drawn, tickets served, how many asked since the last look."""

    drawn: int = 0
    served: float = 0.0
    asked: int = 0

    @property
    def waiting(self) -> float:
        return max(0.0, self.drawn - self.served)


class Turns:
    """`take` for each replayed batch, `look` each second. `site_of` and `crowded` only read."""

    def __init__(
        self,
        site_of: Callable[[uuid.UUID], str],
        crowded: Callable[[], bool],
        rng: random.Random | None = None,
    ) -> None:
        self._site_of, self._crowded = site_of, crowded
        self.rate = self._level = MOST
        self._lines: dict[str, Line] = {}
        self._tickets: dict[uuid.UUID, tuple[str, int]] = {}
        self._looked_s: float | None = None
        self._rng = rng or random.Random()  # noqa: S311 - jitter

    @property
    def waiting(self) -> int:
        """Devices that were told to come again."""
        return len(self._tickets)

    def take(self, device: uuid.UUID) -> None:
        """One replayed batch of this device. Raises TryLater(replay-later) with the time until its turn."""
        site = self._site_of(device)
        drawn, ticket = self._tickets.pop(device, ("", 0))
        line = self._lines.get(site) or self._open(site)
        line.asked += 1
        if not ticket or drawn != site:  # none yet, or drawn before it was known where it belongs
            line.drawn += 1
            ticket = line.drawn
        left_s = (ticket - line.served) / self._level
        if left_s <= 0 and not self._crowded():
            return
        self._tickets[device] = (site, ticket)
        if left_s > LONGEST_S:
            raise TryLater("replay-later", retry_after_s=self._rng.uniform(LONGEST_S / 2, LONGEST_S))
        raise TryLater("replay-later", retry_after_s=max(0.0, left_s) + self._rng.uniform(1, 5))

    def look(self, live_behind: int, replay_behind: int, now_s: float) -> None:
        """Serve what may be served since the last look, faster while all keep up, half as fast when one does not."""
        passed_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        self._looked_s = now_s
        behind = live_behind > LIVE_BEHIND or replay_behind > REPLAY_BEHIND or self._crowded()
        self.rate = max(LEAST, self.rate / 2) if behind else min(MOST, self.rate + RISE)
        self._level = level(self.rate, [line.asked + line.waiting for line in self._lines.values()])
        for line in self._lines.values():
            line.served = min(line.served + self._level * passed_s, line.drawn + self._level * AT_ONCE_S)
            line.asked = 0
        self._forget()

    def _open(self, site: str) -> Line:
        line = self._lines[site] = Line(served=self._level * AT_ONCE_S)
        return line

    def _forget(self) -> None:
        """Who does not come back when it could; and sites of which nobody waits, when there are too many."""
        if len(self._tickets) > MOST_KNOWN:
            self._tickets = {d: (s, n) for d, (s, n) in self._tickets.items() if n > self._lines[s].served}
        if len(self._lines) > MOST_KNOWN // 10:
            needed = {site for site, _ in self._tickets.values()}
            self._lines = {site: line for site, line in self._lines.items() if site in needed}


def level(rate: float, wanted: Iterable[float]) -> float:
    """What each may have at most so that all together have `rate`: who wants less leaves the rest to the others."""
    left, asking = rate, sorted(w for w in wanted if w > 0)
    for n, want in enumerate(asking):
        share = left / (len(asking) - n)
        if want >= share:
            return share
        left -= want
    return rate
