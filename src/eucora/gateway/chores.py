"""What the gateway does from time to time, beside its requests. Each may fail and comes round again."""

from collections.abc import Awaitable, Callable

from eucora import clock
from eucora.gateway.house import Gateway
from eucora.observe.figures import EVERY_S, HERE
from eucora.observe.golden import DOOR_WAITING, tell

Chore = tuple[str, float, Callable[[], Awaitable[object]]]
"""(name, seconds between runs, what to run)."""


def chores(house: Gateway) -> list[Chore]:
    """For the scheduler; run them as long as `serve` runs, and `house.refusals.tell` once more at the end."""

    async def look_at_disk() -> None:
        house.disk.look()

    async def figures() -> None:
        HERE.hold(DOOR_WAITING, house.group.waiting)
        await tell(house.pool)

    return [
        ("figures", EVERY_S, figures),
        ("disk", 1.0, look_at_disk),
        ("notices", 3.0, house.notices.refresh),
        ("pace", 1.0, lambda: house.device_pace.share(house.cache, clock.monotonic())),
        ("refusals", 5.0, lambda: house.refusals.tell(house.pool, clock.now())),
    ]
