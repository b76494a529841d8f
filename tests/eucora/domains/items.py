"""Items and plans as the pipeline hands them to the domains, without a journal; arrival in any order and repetition."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st
from tests.eucora.line import Line

from eucora.batch import Item, Plan
from eucora.domains.all import Known
from eucora_wire.payload import Payload

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def item(
    device_id: uuid.UUID, ordinal: int, /, *, stream_number: int = 1, policy: str = "p", **sections: object
) -> Item:
    """An item whose times follow from its order key."""
    time = BEGIN + timedelta(minutes=stream_number * 1000 + ordinal)
    return Item(
        Payload(device_id=device_id, timestamp=time, **sections),  # type: ignore[arg-type]
        device_id,
        None,
        device_id,
        stream_number,
        ordinal,
        time,
        0,
        0,
        time + timedelta(seconds=1),
        0,
        0,
        ordinal,
        policy,
        None,
    )


def plan(items: Sequence[Item], known: Known | None = None) -> Plan:
    """A plan with the sections that domains take."""
    names = ("device", "software", "sessions")
    sections = {name: tuple(x for x in items if getattr(x.payload, name)) for name in names}
    return Plan(tuple(items), sections, known=known or Known({}, frozenset(), {}))


async def absorb(line: Line, name: str, items: Sequence[Item]) -> None:
    """One batch, as the pipeline does it: look up, then one transaction."""
    subjects = {s.user_id for x in items for s in x.payload.sessions}
    known = await line.house.directory.look_up({x.device for x in items}, subjects)
    part = next(s for s in line.house.slices if s.name == name)
    async with line.app.acquire() as tx, tx.transaction():
        await part.absorb(plan(items, known), tx)  # type: ignore[arg-type]


@st.composite
def arrivals(draw: st.DrawFn, most: int) -> list[list[int]]:
    """Batches of indexes: each of 0 … most - 1 at least once, in any order, some again."""
    order = draw(st.permutations(range(most)))
    again = draw(st.lists(st.integers(0, most - 1), max_size=4))
    queue = [*order, *again]
    cuts = sorted(draw(st.lists(st.integers(0, len(queue)), max_size=4)))
    bounds = [0, *cuts, len(queue)]
    return [queue[a:b] for a, b in pairwise(bounds) if a < b]
