"""What some devices share is told when the fleet does not share it, and never of a handful."""

from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.operators.conftest import Plane, PlantDevice

from eucora.operators.console.alike import KINDS, LEAST, common, standing_out

BEING = st.tuples(*(st.sampled_from([None, "a", "b"]) for _ in range(3)))


async def test_a_model_that_all_of_them_are_stands_out_of_a_fleet_of_which_few_are(
    plane: Plane, plant: PlantDevice
) -> None:
    hit = [(await plant(f"h{n}", f"s{n}", model="Book 14", manufacturer="Northwind")).device_id for n in range(4)]
    for n in range(8):
        await plant(f"o{n}", f"t{n}", model="Tower", manufacturer="Fabrikam")
    (found,) = await common(plane.house.pool, hit)
    assert (found.kind, found.name, found.devices, found.share) == ("model", "Northwind Book 14", 4, 1.0)
    assert round(found.of_fleet, 2) == 0.33, "the system, which all have, says nothing"
    assert await common(plane.house.pool, hit[: LEAST - 1]) == []


Beings = list[tuple[str | None, ...]]


@given(st.lists(BEING, min_size=1, max_size=20), st.lists(BEING, max_size=50))
def test_shares_are_shares_and_most_of_them_are_what_is_told(some: Beings, more: Beings) -> None:
    fleet: dict[tuple[str, str], int] = {}
    for being in [*some, *more]:
        for kind, name in zip(KINDS, being, strict=True):
            if name:
                fleet[kind, name] = fleet.get((kind, name), 0) + 1
    for each in standing_out(some, fleet):
        assert 0 < each.of_fleet < each.share <= 1
        assert each.devices == sum(being[KINDS.index(each.kind)] == each.name for being in some)
