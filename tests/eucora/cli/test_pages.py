"""`--json` prints every page of every list, though a page holds one item."""

import uuid
from typing import Any

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.line import Line
from tests.eucora.operators.conftest import Plane
from tests.eucora.operators.test_pages import NOW, World

from eucora.cli.verbs import VERBS
from eucora_wire.payload import Payload
from eucora_wire.sections.apps import Apps, Crash
from eucora_wire.sections.changes import Change

OF_A_DEVICE = ("software", "lines", "changes", "crashes")
WHOLE = ("stores list", "clones list")
"""Told whole: there are few of them."""
LISTS = [*OF_A_DEVICE, *(v.words for v in VERBS if v.words.endswith(" list") and v.words not in WHOLE), "devices"]


@pytest.fixture
async def many(plane: Plane, line: Line) -> World:
    """Three of everything that is listed, at least."""
    device = await line.enrol()
    world = World(plane, line, device)
    for n in range(3):
        await world.devices(n)
        await world.lines(n)
        await world.deadletters(n)
        await world.tokens(n)
        await world.enrolment_tokens(n)
        await world.operators(n)
        change = Change(id=uuid.uuid4(), time=NOW, kind="install", subject=f"package {n}")
        crash = Crash(id=uuid.uuid4(), time=NOW, name=f"program {n}")
        payload = Payload(device_id=device.id, timestamp=NOW, changes=(change,), apps=Apps(crashes=(crash,)))
        await line.append(device.batch([payload]))
    await line.digest()
    await world.software(2)
    return world


async def test_every_page_of_every_list_is_printed(
    terminal: Terminal, many: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await _lists(terminal, many)
    monkeypatch.setattr("eucora.cli.platform.PAGE", 1)
    for words, items in (await _lists(terminal, many)).items():
        assert len(whole[words]) >= 3, words
        # The trail has grown, at its beginning: this is asked by somebody too.
        assert items[-len(whole[words]) :] == whole[words], words


async def _lists(terminal: Terminal, many: World) -> dict[str, list[Any]]:
    def of(words: str) -> list[str]:
        return [*words.split(), *([str(many.device.id)] if words in OF_A_DEVICE else [])]

    return {words: await terminal.json(*of(words)) for words in LISTS}
