"""A line is told as it was meant: fields in their places, the rest behind it, and how often it was said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.line import Line

from eucora.cli.lines import told
from eucora.ids import uuid7
from eucora_wire.payload import Payload
from eucora_wire.sections.apps import Apps, Crash
from eucora_wire.sections.changes import Change
from eucora_wire.sections.logs import Line as LogLine

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": "{items} items took {s} s", "fields": {"items": 3, "s": "1.5"}, "count": 1}, "3 items took 1.5 s"),
        ({"text": "slow", "fields": {"disk": "sda", "empty": "", "none": None}, "count": 1}, "slow disk=sda"),
        ({"text": "again", "fields": {}, "count": 12}, "again (12 times)"),
        ({"text": "", "fields": {}, "count": 1}, ""),
        ({"text": "{unknown}", "fields": {}, "count": 1}, "{unknown}"),
    ],
)
def test_a_line_has_its_fields_in_place(row: dict[str, Any], text: str) -> None:
    assert told({"kind": "log", **row}) == text


async def test_lines_changes_and_crashes_of_a_device_are_told(terminal: Terminal, line: Line) -> None:
    device = await line.enrol()
    said = LogLine(
        id=uuid7(1), time=NOW, source="kernel", template="disk {name} is \x1b[31mslow", fields={"name": "sda"}
    )
    change = Change(id=uuid7(2), time=NOW, kind="update", subject="openssl")
    crash = Crash(id=uuid7(3), time=NOW, name="gedit")
    payload = Payload(device_id=device.id, timestamp=NOW, logs=(said,), changes=(change,), apps=Apps(crashes=(crash,)))
    await line.append(device.batch([payload]))
    await line.digest()
    for what, parts in (
        ("lines", ("kernel", "disk sda is ␛[31mslow")),
        ("changes", ("openssl",)),
        ("crashes", ("gedit",)),
    ):
        shown = await terminal.told(what, str(device.id))
        assert all(part in shown for part in parts), (what, shown)
    assert "No lines since 1s." in await terminal.told("lines", str(device.id), "--since", "1s")
