"""Whatever the order and the repetition in which inventories arrive, the same rows result: those of the last one."""

import uuid
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.eucora.domains.items import absorb, arrivals, item
from tests.eucora.line import Line

from eucora.batch import Item
from eucora_wire.delta import difference, inventory
from eucora_wire.sections.software import Package, Software

packages = st.builds(
    Package,
    name=st.sampled_from("abc"),
    version=st.sampled_from("12"),
    source=st.just("dpkg"),
    architecture=st.sampled_from(("amd64", "all")),
    signature=st.sampled_from((None, "a" * 64, "b" * 64)),
)
inventories = st.lists(packages, max_size=5).map(inventory)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Software], dict[Any, Package], list[list[int]]]:
    """What a device says one after another, full or as deltas; the inventory it ends with; an order of arrival."""
    kept = draw(st.lists(inventories, min_size=1, max_size=6))
    said = [Software(packages=tuple(kept[0].values()))]
    for before, now in pairwise(kept):
        full = draw(st.booleans())
        said.append(Software(packages=tuple(now.values())) if full else Software(delta=difference(before, now)))
    return said, kept[-1], draw(arrivals(len(said)))


def items_of(device: uuid.UUID, said: list[Software]) -> list[Item]:
    # The second half comes from a new stream, whose ordinals begin again.
    half = len(said) // 2
    return [
        item(device, n + 1 if n < half else n + 1 - half, stream_number=1 if n < half else 2, software=software)
        for n, software in enumerate(said)
    ]


async def table(line: Line, device: uuid.UUID) -> list[Any]:
    rows = await line.rows("SELECT * FROM software_inventory WHERE device = $1", device)
    state = await line.rows("SELECT * FROM software_state WHERE device = $1", device)
    return [sorted(row[1:] for row in rows), [row[1:] for row in state]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
async def test_any_order_and_any_repetition_gives_the_same_tables(line: Line, history: Any) -> None:
    said, last, batches = history
    straight, crooked = uuid.uuid4(), uuid.uuid4()
    for each in items_of(straight, said):
        await absorb(line, "software", [each])
    items = items_of(crooked, said)
    for batch in batches:
        await absorb(line, "software", [items[n] for n in batch])
    assert await table(line, crooked) == await table(line, straight)
    present = (
        "SELECT source, name, architecture, version, signature FROM software_inventory WHERE device = $1 AND present"
    )
    expected = [(p.source, p.name, p.architecture, p.version, p.signature) for p in last.values()]
    assert sorted(await line.rows(present, crooked), key=str) == sorted(expected, key=str)


async def test_devices_in_one_batch_do_not_touch_each_other(line: Line) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    full = Software(packages=(Package(name="a", version="1"),))
    await absorb(line, "software", [item(one, 1, software=full), item(other, 1, software=full)])
    await absorb(line, "software", [item(one, 2, software=Software(packages=()))])
    rows = await line.rows("SELECT device FROM software_inventory WHERE present")
    assert rows == [(other,)]
