"""Group commit: what arrives while the journal is busy goes into one append. Each request awaits its own result.

Two lines, one behind the other: arrivals are checked a few at a time, and whatever is checked when the journal comes
free is committed together. A few at a time, because checking holds the loop: a commit under way holds the journal's
locks while its next statement waits for the loop to come free. The figures: docs/decisions/gateway.md.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias, TypeVar

from eucora.batch import Checked
from eucora.gateway.faults import report
from eucora.pipeline.collect import Arrival
from eucora.pipeline.intake import Outcome, Taken, Turned
from eucora.problems import EucoraError, TryLater

CHECKED_AT_ONCE = 4
"""Half a millisecond of the loop, two for batches of a hundred payloads."""
MOST = 512
MOST_BYTES = 16 * 2**20
MOST_WAITING = 4096
SPREAD_S = (2.0, 30.0)
"""When one request too many may come again: spread, since those who are told came together."""
COMMIT_EVERY_S = 0.02
"""A commit costs as much as fifteen batches in it: under load few large ones leave more of the machine for the rest."""

Check = Callable[[Sequence[Arrival]], Awaitable[list[Checked | Turned]]]
Commit = Callable[[Sequence[Checked]], Awaitable[list[Taken]]]
Result: TypeAlias = "asyncio.Future[Outcome]"

_T = TypeVar("_T")
_R = TypeVar("_R")


class Group:
    """A queue in front of `check` and `commit`. Raises TryLater for one request too many."""

    def __init__(self, check: Check, commit: Commit) -> None:
        self._check, self._commit = check, commit
        self._arrived: deque[tuple[Arrival, Result]] = deque()
        self._checked: deque[tuple[Checked, Result]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._checking = self._committing = False
        self._next_commit_s = 0.0

    @property
    def waiting(self) -> int:
        """Batches that wait to be checked or committed."""
        return len(self._arrived) + len(self._checked)

    async def submit(self, arrival: Arrival) -> Outcome:
        """What became of this batch. Raises TryLater, and what `check` and `commit` raise for it alone."""
        if self.waiting >= MOST_WAITING:
            raise TryLater("journal-unavailable", "too many requests wait", retry_after_s=random.uniform(*SPREAD_S))  # noqa: S311 - jitter
        result: Result = asyncio.get_running_loop().create_future()
        self._arrived.append((arrival, result))
        if not self._checking:
            self._checking = True
            self._begin(self._check_all())
        return await result

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check_all(self) -> None:
        """Until nothing waits. What is turned away hears of it at once; what is good goes on to the next line."""
        try:
            while self._arrived:
                await asyncio.sleep(0)  # a commit goes on first, and those that arrived in the same turn come along
                await _settle(self._check, _take(self._arrived, CHECKED_AT_ONCE), self._pass_on)
                if self._checked and not self._committing:
                    self._committing = True
                    self._begin(self._commit_all())
        finally:
            self._checking = False

    def _pass_on(self, found: Checked | Turned, result: Result) -> None:
        if isinstance(found, Checked):
            self._checked.append((found, result))
        else:
            _give(found, result)

    async def _commit_all(self) -> None:
        """Until nothing is left that is checked, one commit after the other."""
        loop = asyncio.get_running_loop()
        try:
            while self._checked:
                if len(self._checked) < MOST and (wait_s := self._next_commit_s - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                self._next_commit_s = loop.time() + COMMIT_EVERY_S
                await _settle(self._commit, _take(self._checked, MOST), _give)
        finally:
            self._committing = False


async def _settle(
    work: Callable[[Sequence[_T]], Awaitable[list[_R]]],
    taken: list[tuple[_T, Result]],
    give: Callable[[_R, Result], None],
) -> None:
    """Work on all of it, and give each its own. What fails by a fault of ours is halved until the culprit is alone."""
    try:
        found = await work([item for item, _ in taken])
    except EucoraError as exc:
        _fail(taken, exc)
    except Exception as exc:  # noqa: BLE001 - reported, and answered with 500
        if len(taken) == 1:
            report("batch_failed", exc)
            _fail(taken, exc)
            return
        middle = len(taken) // 2
        await _settle(work, taken[:middle], give)
        await _settle(work, taken[middle:], give)
    else:
        for each, (_, result) in zip(found, taken, strict=True):
            give(each, result)


def _take(waiting: "deque[tuple[_T, Result]]", most: int) -> list[tuple[_T, Result]]:
    """The next ones, up to so many and to MOST_BYTES, but at least one."""
    taken: list[tuple[_T, Result]] = []
    size = 0
    while waiting and len(taken) < most and (not taken or size < MOST_BYTES):
        taken.append(waiting.popleft())
        size += len(getattr(taken[-1][0], "body", None) or b"")
    return taken


def _give(found: Outcome, result: Result) -> None:
    if not result.done():
        result.set_result(found)


def _fail(taken: Sequence[tuple[object, Result]], reason: Exception) -> None:
    for _, result in taken:
        if not result.done():
            result.set_exception(reason)
