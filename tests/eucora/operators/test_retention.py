"""How long data is kept is seen by whoever may see the status."""

from tests.eucora.operators.conftest import Plane


async def test_every_class_is_told_as_set_and_as_it_is(plane: Plane) -> None:
    told = {(each["name"], each["store"]): each for each in await plane.get("/retention")}
    assert told["metrics", "archive"]["days"] == 90
    assert told["audit", "postgresql"]["oldest"] is not None
    assert told["logs", "loki"]["in_force"] == "no such server follows the archive"


async def test_it_needs_the_permission_of_the_status(plane: Plane) -> None:
    answer = await plane.ask("GET", "/retention", token=await plane.token_for("audit.read"))
    assert answer.status_code == 403
