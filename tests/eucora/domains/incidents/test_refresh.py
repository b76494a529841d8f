"""Incidents open and close by themselves, one of a kind a device, and go when their time is over."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Device, Line, close_line, open_line

from eucora.domains.incidents.queries import Incident, incidents
from eucora.domains.incidents.refresh import refresh
from eucora.journal import clones
from eucora_wire.payload import Payload
from eucora_wire.sequence import Items, Tombstone

NOW = datetime.now(UTC)


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


def batch(device: Device, **more: Any) -> Any:
    return device.batch([Payload(device_id=device.id, timestamp=datetime.now(UTC))], **more)


async def known(line: Line, device: Device, after: timedelta = timedelta(0)) -> list[Incident]:
    """Those of a device, the newest first, as they stand so long after now."""
    await refresh(line.app, datetime.now(UTC) + after)
    await refresh(line.app, datetime.now(UTC) + after)  # again is harmless
    return list(await incidents(line.app, device.id, True, None, 100))


async def test_what_a_device_could_not_keep_is_an_incident_until_nothing_more_is_lost_for_a_day(line: Line) -> None:
    device, other = await line.enrol(), await line.enrol()
    await line.append(batch(other))
    for first in (1, 11):
        items = Items(first, first + 9, (Tombstone(first, first + 8, "shed"),))
        await line.append(batch(device, items=items))
        await line.digest()
        (found,) = await known(line, device)
        assert (found.kind, found.severity, found.closed_at) == ("items-lost", "S1", None)
        assert (found.detail["items"], found.detail["reasons"]) == (first + 8 if first == 1 else 18, ["shed"])
    assert await known(line, other) == []
    (over,) = await known(line, device, timedelta(days=1, minutes=1))
    assert (over.number, over.closed_at is not None) == (found.number, True)
    await line.append(batch(device, items=Items(21, 22, (Tombstone(21, 21, "expired"),))))
    await line.digest()
    again, before = await known(line, device)
    assert (again.detail["reasons"], before.number) == (["expired", "shed"], over.number)


async def test_what_nobody_accounts_for_is_an_incident_after_an_hour_and_over_when_it_comes(line: Line) -> None:
    device = await line.enrol()
    first, late, last = (batch(device) for _ in range(3))
    await line.append(first, last)
    await line.digest()
    assert await known(line, device) == []
    (found,) = await known(line, device, timedelta(minutes=61))
    assert (found.kind, found.detail["items"], found.detail["streams"]) == ("items-missing", 1, [str(device.stream)])
    await line.append(late)
    await line.digest()
    (over,) = await known(line, device, timedelta(minutes=61))
    assert (over.number, over.closed_at is not None) == (found.number, True)


async def test_a_clone_is_an_incident_until_somebody_says_what_it_was(line: Line) -> None:
    device = await line.enrol()
    clone = copy.copy(device)
    for each in (device, clone):
        await line.journal.append([batch(each)])
    (found,) = await known(line, device)
    assert (found.kind, found.detail, found.closed_at) == ("clone", {"streams": [str(device.stream)]}, None)
    async with line.app.acquire() as tx, tx.transaction():
        await clones.close(tx, device.stream, "rewind", NOW)
    (over,) = await known(line, device)
    assert over.closed_at is not None
