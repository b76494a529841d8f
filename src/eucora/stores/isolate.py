"""One bad record never holds up its neighbours: what a server refuses as a whole is halved until the bad one is alone.

By time, the newer half first: what is too old for a server is found after a few requests, not one a record.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from eucora import clock
from eucora.problems import EucoraError
from eucora.stores.ports import Refusal


class Unacceptable(EucoraError):
    """The server took none of it, or not all, and never will as it is. Telling what it took again changes nothing.

    `older`: it refuses everything that is older, too, of all series or of the one.
    """

    def __init__(self, reason: str, older: str = "") -> None:
        super().__init__(reason)
        self.reason, self.older = reason, older


Record = tuple[Any, ...]
"""A sample, a line, a span as it is sent: (its series, its time in milliseconds, …)."""

R = TypeVar("R", bound=Record)
Lost = tuple[str, int]
"""Why, and the time of the record in milliseconds."""


async def deliver(records: Sequence[R], send: Callable[[Sequence[R]], Awaitable[None]]) -> list[Lost]:
    """Send all; what was refused for ever. `send` raises Unacceptable; whatever else it raises ends this."""
    lost: list[Lost] = []
    floors: dict[Any, tuple[int, str]] = {}
    waiting = [list(records)]
    while waiting:
        part = _above(waiting.pop(), floors, lost)
        if not part:
            continue
        try:
            await send(part)
        except Unacceptable as exc:
            if len(part) > 1:
                part.sort(key=lambda record: (record[1], record[0]))
                middle = len(part) // 2
                waiting += (part[:middle], part[middle:])
                continue
            series, ms, *_ = part[0]
            lost.append((exc.reason, ms))
            if exc.older:
                floors[ALL if exc.older == "all" else series] = (ms, exc.reason)
    return lost


ALL = b""


def _above(part: list[R], floors: dict[Any, tuple[int, str]], lost: list[Lost]) -> list[R]:
    """Those that are newer than what was refused as too old."""
    if not floors:
        return part
    kept = []
    for record in part:
        floor = max((floors[of] for of in (ALL, record[0]) if of in floors), default=None)
        if floor is None or record[1] > floor[0]:
            kept.append(record)
        else:
            lost.append((floor[1], record[1]))
    return kept


def refusals(lost: Sequence[Lost]) -> tuple[Refusal, ...]:
    """One a reason."""
    times: dict[str, list[int]] = {}
    for reason, ms in lost:
        times.setdefault(reason, []).append(ms)
    return tuple(
        Refusal(reason, clock.from_ms(min(of)), clock.from_ms(max(of)), len(of)) for reason, of in sorted(times.items())
    )
