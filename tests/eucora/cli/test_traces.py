"""Lines, spans and the fleet's metrics as somebody at a terminal finds them."""

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.line import Line
from tests.eucora.operators.conftest import Plane, PlantDevice, plant_samples
from tests.eucora.operators.test_content import TRACE, said

from eucora.cli.platform import Turned


async def test_lines_of_the_fleet_are_found_by_what_they_say(terminal: Terminal, line: Line) -> None:
    first, second = await said(line), await said(line)
    shown = await terminal.told("lines", "--grep", "anna3 user", "--severity", "info")
    assert "user anna3 came" in shown
    assert "anna2" not in shown
    assert str(first.id) in shown
    found = await terminal.json("lines", "--field", "who=anna5")
    assert {row["device"] for row in found} == {str(first.id), str(second.id)}
    assert {row["device"] for row in await terminal.json("lines", str(second.id))} == {str(second.id)}
    assert "No lines" in await terminal.told("lines", "--grep", "nobody")
    assert "The newest 2" in await terminal.told("lines", "--limit", "2")
    refused = await terminal.type("lines", "--field", "who", "--json")
    assert isinstance(refused.exception, Turned)
    assert "name=value" in str(refused.exception)


async def test_spans_are_found_and_their_trace_is_drawn(terminal: Terminal, line: Line) -> None:
    await said(line)
    shown = await terminal.told("traces", "--name", "install", "--least", "1.5")
    assert shown.count(TRACE) == 1
    assert len(await terminal.json("traces", "--roots")) == 3
    assert "No spans" in await terminal.told("traces", "--status", "error")
    drawn = await terminal.told("trace", TRACE.upper())
    assert "3 spans" in drawn
    assert drawn.count("install") == 3
    assert len(await terminal.json("trace", TRACE)) == 3
    unknown = await terminal.type("trace", "f" * 32)
    assert "There is no such thing" in str(unknown.exception)


async def test_the_fleet_is_drawn_by_group(terminal: Terminal, plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    await plant_samples(plane, laptop.device_id, [0.1, 0.9, 0.25])
    shown = await terminal.told("series", "--fleet", "cpu", "--by", "device", "--op", "max", "--step", "1d")
    assert f"max of hardware.cpu {laptop.device_id}" in shown
    assert "most 90 %" in shown
    assert "unknown model" in await terminal.told("series", "--fleet", "cpu", "--by", "model")
    assert "No samples" in await terminal.told("series", "--fleet", "memory")
    told = await terminal.json("series", "--fleet", "cpu", "--op", "count", "--step", "1d")
    assert sum(value for line in told["series"] for _, value in line["points"]) == 3
    assert (await terminal.type("series", "self")).exit_code == 2


@pytest.mark.parametrize("by", ["serial", "hostname", "user"])
async def test_nobody_groups_by_what_names_a_device_or_a_person(terminal: Terminal, by: str) -> None:
    assert isinstance((await terminal.type("series", "--fleet", "cpu", "--by", by)).exception, Turned)
