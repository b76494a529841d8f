"""What the gateway does from time to time, beside its requests. Each may fail and comes round again."""

from collections.abc import Awaitable, Callable

from eucora import clock
from eucora.batch import LIVE, REPLAY
from eucora.gateway.house import Gateway
from eucora.journal.cursors import lags
from eucora.observe.figures import EVERY_S, HERE
from eucora.observe.golden import DOOR_REPLAY_WAITING, DOOR_WAITING, tell
from eucora.pipeline.house import CONSUMER

Chore = tuple[str, float, Callable[[], Awaitable[object]]]
"""(name, seconds between runs, what to run)."""


def chores(house: Gateway) -> list[Chore]:
    """For the scheduler; run them as long as `serve` runs, and `house.refusals.tell` once more at the end."""

    async def look_at_disk() -> None:
        house.disk.look()

    async def figures() -> None:
        HERE.hold(DOOR_WAITING, house.group.waiting)
        HERE.hold(DOOR_REPLAY_WAITING, house.turns.waiting)
        await tell(house.pool)

    return [
        ("figures", EVERY_S, figures),
        ("disk", 1.0, look_at_disk),
        ("notices", 3.0, house.notices.refresh),
        ("sites", 1.0, house.sites.learn),
        ("turns", 1.0, lambda: serve_turns(house, clock.monotonic())),
        ("pace", 1.0, lambda: house.device_pace.share(house.cache, clock.monotonic())),
        ("refusals", 5.0, lambda: house.refusals.tell(house.pool, clock.now())),
    ]


async def serve_turns(house: Gateway, now_s: float) -> None:
    """Tickets of those who replay, as fast as the digest keeps up. Raises TryLater."""
    behind = await lags(house.pool, CONSUMER)
    live, replay = (sum(count for (_, of), count in behind.items() if of == lane) for lane in (LIVE, REPLAY))
    house.turns.look(live, replay, now_s)
