"""Group commit: what arrives while the journal is busy goes into one append. Each request awaits its own result.

While one group is in the journal the next is verified; so at most two are under way, and the third gathers.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from eucora.gateway.faults import report
from eucora.pipeline.collect import Arrival
from eucora.pipeline.intake import Outcome
from eucora.problems import EucoraError, TryLater

MOST = 256
MOST_BYTES = 16 * 2**20
MOST_WAITING = 4096
UNDER_WAY = 2

Accept = Callable[[Sequence[Arrival]], Awaitable[list[Outcome]]]
Waiting = tuple[Arrival, "asyncio.Future[Outcome]"]


class Group:
    """A queue in front of `accept`. Raises TryLater for one request too many."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._waiting: deque[Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, arrival: Arrival) -> Outcome:
        """What became of this batch. Raises TryLater, and what `accept` raises for it alone."""
        if len(self._waiting) >= MOST_WAITING:
            raise TryLater("journal-unavailable", "too many requests wait", retry_after_s=2)
        result: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, result))
        self._begin()
        return await result

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    def _begin(self) -> None:
        if self._waiting and len(self._running) < UNDER_WAY:
            task = asyncio.get_running_loop().create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._begin()

    async def _run(self) -> None:
        await asyncio.sleep(0)  # those that arrived in the same turn of the loop come along
        await self._settle(self._take())

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        while self._waiting and len(taken) < MOST and (not taken or size < MOST_BYTES):
            taken.append(self._waiting.popleft())
            size += len(taken[-1][0].body or b"")
        return taken

    async def _settle(self, taken: list[Waiting]) -> None:
        """Accept, and give each its result. A group that fails by a fault of ours is halved until the culprit is alone."""
        if not taken:
            return
        try:
            outcomes = await self._accept([arrival for arrival, _ in taken])
        except EucoraError as exc:
            _fail(taken, exc)
        except Exception as exc:  # noqa: BLE001 - reported, and answered with 500
            if len(taken) == 1:
                report("batch_failed", exc)
                _fail(taken, exc)
                return
            middle = len(taken) // 2
            await self._settle(taken[:middle])
            await self._settle(taken[middle:])
        else:
            for (_, result), outcome in zip(taken, outcomes, strict=True):
                if not result.done():
                    result.set_result(outcome)


def _fail(taken: list[Waiting], reason: Exception) -> None:
    for _, result in taken:
        if not result.done():
            result.set_exception(reason)
