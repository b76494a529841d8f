"""Two machines under one identity are both held, in whatever order they speak, until a person says what it was."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.journal.test_holes import payloads
from tests.eucora.line import Device, Line, close_line, open_line

from eucora.journal.clones import close, held, held_by
from eucora.journal.holes import of_device, of_fleet
from eucora.problems import Refused

HELD = [("fork", False)]
BEGIN_ANEW = [("fork", True)]


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


async def sent(line: Line, *batches: Any) -> list[tuple[str, bool]]:
    return [(each.outcome, each.new_stream) for each in await line.journal.append(batches)]


async def cloned(line: Line) -> tuple[Device, Device]:
    """A device and its clone: both were one at the first batch; the clone's second did not fit."""
    device = await line.enrol()
    await line.append(device.batch(payloads(device, 2)))
    clone = copy.copy(device)
    assert await sent(line, device.batch(payloads(device, 1))) == [("appended", False)]
    assert await sent(line, clone.batch(payloads(clone, 3))) == HELD
    return device, clone


async def test_neither_is_heard_from_the_first_batch_on_that_does_not_fit(line: Line) -> None:
    device, clone = await cloned(line)
    for _ in range(2):
        assert await sent(line, device.batch(payloads(device, 1))) == HELD
        assert await sent(line, clone.batch(payloads(clone, 1))) == HELD
    (found,) = await held(line.app)
    assert (found.device, found.stream, found.sequence, found.last_sequence) == (device.id, device.stream, 2, 2)
    assert str(device.boot) in found.boot
    assert await line.app.fetchval("SELECT count(*) FROM journal_entries") == 2


async def test_a_batch_that_was_stored_before_still_gets_its_receipt(line: Line) -> None:
    device = await line.enrol()
    clone = copy.copy(device)
    first = device.batch(payloads(device, 1))
    await line.append(first)
    assert await sent(line, clone.batch(payloads(clone, 2))) == HELD
    assert await sent(line, first) == [("duplicate", False)]


async def test_of_a_rewind_who_fits_goes_on_and_who_does_not_begins_a_stream_of_its_own(line: Line) -> None:
    device, clone = await cloned(line)
    async with line.app.acquire() as tx, tx.transaction():
        assert await held_by(tx, device.stream) == device.id
        await close(tx, device.stream, "rewind", datetime.now(UTC))
    assert await held(line.app) == []
    assert await sent(line, clone.batch(payloads(clone, 1))) == BEGIN_ANEW
    assert await sent(line, device.batch(payloads(device, 1))) == [("appended", False)]
    assert await held(line.app) == [], "said once, it is known"


async def test_what_is_not_held_can_not_be_closed_and_a_hold_is_closed_once(line: Line) -> None:
    device, _ = await cloned(line)
    other = await line.enrol()
    await line.append(other.batch(payloads(other, 1)))
    async with line.app.acquire() as tx:
        with pytest.raises(Refused):
            await close(tx, other.stream, "rewind", datetime.now(UTC))
        await close(tx, device.stream, "rewind", datetime.now(UTC))
        with pytest.raises(Refused):
            await close(tx, device.stream, "rewind", datetime.now(UTC))


async def test_a_held_stream_is_told_in_the_completeness_of_its_device(line: Line) -> None:
    device, _ = await cloned(line)
    await line.digest()
    found = await of_device(line.app, device.id)
    assert (found.held, found.state) == (1, "missing")
    assert (await of_fleet(line.app)).held == 1
