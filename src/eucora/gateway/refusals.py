"""What was turned away, and the trail of it: a counter a reason, a small ring of samples, and in the audit trail one
event a device, reason and minute with its count. Who is not proved to be a device is counted together, without a name.
"""

import uuid
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from eucora.domains.audit import Act, record
from eucora.slice import Pool
from eucora.stores.postgres import translated

SAMPLES = 64
TOLD_AGAIN = timedelta(minutes=1)
"""What was told of a device and reason just now waits for so long: a device that knocks on and on fills no trail."""

Key = tuple[str, uuid.UUID | None, bool]
"""(reason, device, whether that is a simulated one, whose refusals trouble nobody)."""


class Sample(Struct, frozen=True):
    """One refusal, as an operator may see it."""

    at: datetime
    reason: str
    device: uuid.UUID | None


class Refusals:
    """Counts since start, the last samples, and what waits to be told to the trail.

    `before`: what is older of the samples may go; None: nothing.
    """

    def __init__(self, before: Callable[[datetime], datetime | None] = lambda now: now - timedelta(days=7)) -> None:
        self._before = before
        self.totals: Counter[str] = Counter()
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._untold: Counter[Key] = Counter()
        self._told_at: dict[Key, datetime] = {}

    def note(self, reason: str, device: uuid.UUID | None, now: datetime, *, simulated: bool = False) -> None:
        """One batch was refused, wholly or in parts. `device` only when its key is known."""
        self.totals[reason] += 1
        self.samples.append(Sample(now, reason, device))
        self._untold[reason, device, simulated] += 1

    async def tell(self, pool: Pool, now: datetime, *, at_the_end: bool = False) -> None:
        """Every few seconds: old samples go, what is new goes to the trail, what was told just now a minute later,
        or at the end.

        Raises TryLater, and then keeps all for next time.
        """
        before = self._before(now)
        while before is not None and self.samples and self.samples[0].at < before:
            self.samples.popleft()
        self._told_at = {key: at for key, at in self._told_at.items() if abs(now - at) < TOLD_AGAIN}
        told = Counter({key: count for key, count in self._untold.items() if at_the_end or key not in self._told_at})
        if not told:
            return
        self._untold -= told
        try:
            with translated():
                async with pool.acquire() as connection, connection.transaction():
                    await record(connection, now, [_act(key, count) for key, count in told.items()])
        except BaseException:
            self._untold.update(told)
            raise
        self._told_at |= dict.fromkeys(told, now)


def _act(key: Key, count: int) -> Act:
    reason, device, simulated = key
    detail: dict[str, Any] = {"reason": reason, "count": count, **({"simulated": True} if simulated else {})}
    if device is None:
        return Act(act="batch.refused", audit_class="refusal", actor_kind="anonymous", actor="", outcome="refused",
                   detail=detail)  # fmt: skip
    return Act(act="batch.refused", audit_class="refusal", actor_kind="device", actor=str(device), devices=(device,),
               outcome="refused", detail=detail)  # fmt: skip
