"""How fast a sender may send: a token bucket each, here; senders near their limit are counted together with the other
gateways through the cache. The cache is never waited for: when it is away, each gateway limits by itself.
"""

import random
from collections.abc import Hashable
from typing import Protocol

from eucora.problems import TryLater

WINDOW_S = 60.0
MOST_KNOWN = 100_000


class Counts(Protocol):
    """What is asked of the cache: the count of the present window, or None when it does not answer."""

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None: ...


class Pace:
    """`rate` requests a second as a mean over a minute. `take` at `now_s`, seconds of a monotonic clock."""

    def __init__(self, name: str, rate: float, rng: random.Random | None = None) -> None:
        self._name, self._rate, self._full = name, rate, max(1.0, rate * WINDOW_S)
        self._buckets: dict[Hashable, list[float]] = {}  # tokens, when they were counted, taken since last shared
        self._closed: dict[Hashable, float] = {}
        self._rng = rng or random.Random()  # noqa: S311 - jitter

    def take(self, sender: Hashable, now_s: float) -> None:
        """One request of this sender. Raises TryLater(too-fast) with the time until there is room."""
        bucket = self._buckets.get(sender)
        if bucket is None:
            self._make_room(now_s)
            self._buckets[sender] = [self._full - 1, now_s, 1]
            return
        if self._closed and (until_s := self._closed.get(sender, 0.0)) > now_s:
            raise self._later(until_s - now_s)
        tokens = min(self._full, bucket[0] + (now_s - bucket[1]) * self._rate)
        bucket[1] = now_s
        if tokens < 1:
            bucket[0] = tokens
            raise self._later((1 - tokens) / self._rate)
        bucket[0] = tokens - 1
        bucket[2] += 1

    async def share(self, counts: Counts, now_s: float) -> None:
        """Tell the cache what busy senders took; one that is over its limit among all gateways waits a while."""
        self._closed = {sender: until_s for sender, until_s in self._closed.items() if until_s > now_s}
        busy = [(s, b) for s, b in self._buckets.items() if b[0] < self._full / 2 and b[2] > 0]
        for sender, bucket in busy:
            taken, bucket[2] = int(bucket[2]), 0
            total = await counts.count(f"pace:{self._name}:{sender}", WINDOW_S, taken)
            if total is None:
                return
            if total > 2 * self._full:
                self._closed[sender] = now_s + WINDOW_S / 4

    def _later(self, wait_s: float) -> TryLater:
        return TryLater("too-fast", retry_after_s=1 + wait_s + self._rng.uniform(0, wait_s))

    def _make_room(self, now_s: float) -> None:
        """Full buckets say nothing; when all are in use the oldest half goes."""
        if len(self._buckets) < MOST_KNOWN:
            return
        idle_s = self._full / self._rate
        kept = {s: b for s, b in self._buckets.items() if now_s - b[1] < idle_s}
        self._buckets = kept if len(kept) < MOST_KNOWN else dict(list(kept.items())[MOST_KNOWN // 2 :])
