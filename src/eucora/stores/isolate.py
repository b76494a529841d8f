"""One bad record never holds up its neighbours: what a server refuses as a whole is halved until the bad one is alone.

By time, the newer half first: what is too old for a server is found after a few requests, not one a record.
"""

from collections.abc import Awaitable, Callable, Sequence

from eucora import clock
from eucora.problems import EucoraError
from eucora.stores.ports import Refusal
from eucora.stores.remote_write import Sample


class Unacceptable(EucoraError):
    """The server took none of it, or not all, and never will as it is. Telling what it took again changes nothing.

    `older`: it refuses everything that is older, too, of all series or of the one.
    """

    def __init__(self, reason: str, older: str = "") -> None:
        super().__init__(reason)
        self.reason, self.older = reason, older


Lost = tuple[str, int]
"""Why, and the time of the sample in milliseconds."""


async def deliver(samples: Sequence[Sample], send: Callable[[Sequence[Sample]], Awaitable[None]]) -> list[Lost]:
    """Send all; what was refused for ever. `send` raises Unacceptable; whatever else it raises ends this."""
    lost: list[Lost] = []
    floors: dict[bytes, tuple[int, str]] = {}
    waiting = [list(samples)]
    while waiting:
        part = _above(waiting.pop(), floors, lost)
        if not part:
            continue
        try:
            await send(part)
        except Unacceptable as exc:
            if len(part) > 1:
                part.sort(key=lambda sample: (sample[1], sample[0]))
                middle = len(part) // 2
                waiting += (part[:middle], part[middle:])
                continue
            labels, ms, _ = part[0]
            lost.append((exc.reason, ms))
            if exc.older:
                floors[ALL if exc.older == "all" else labels] = (ms, exc.reason)
    return lost


ALL = b""


def _above(part: list[Sample], floors: dict[bytes, tuple[int, str]], lost: list[Lost]) -> list[Sample]:
    """Those that are newer than what was refused as too old."""
    if not floors:
        return part
    kept = []
    for sample in part:
        floor = max((floors[of] for of in (ALL, sample[0]) if of in floors), default=None)
        if floor is None or sample[1] > floor[0]:
            kept.append(sample)
        else:
            lost.append((floor[1], sample[1]))
    return kept


def refusals(lost: Sequence[Lost]) -> tuple[Refusal, ...]:
    """One a reason."""
    times: dict[str, list[int]] = {}
    for reason, ms in lost:
        times.setdefault(reason, []).append(ms)
    return tuple(
        Refusal(reason, clock.from_ms(min(of)), clock.from_ms(max(of)), len(of)) for reason, of in sorted(times.items())
    )
