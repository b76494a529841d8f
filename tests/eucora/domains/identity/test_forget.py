"""A person's key destroyed: their bodies are unreadable, every other thing is as it was."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from tests.eucora.line import Device, Line

from eucora.domains.audit import Act
from eucora.domains.identity import queries
from eucora.domains.identity.accounts import open_account
from eucora.domains.identity.forget import forget_user
from eucora.domains.identity.logon import log_on
from eucora.domains.telemetry import queries as telemetry
from eucora.pipeline import dead_letters
from eucora.pipeline.worker import Worker
from eucora.problems import Refused
from eucora_wire.answer import Account
from eucora_wire.payload import Payload
from eucora_wire.sections.logs import Line as LogLine
from eucora_wire.sections.sessions import Session

NOW = datetime.now(UTC)
ACT = Act(act="user.erased", audit_class="lifecycle", actor_kind="operator", actor="test")
SECRET = "the cat sat on the keyboard"


def said(device: Device, subject: uuid.UUID, when: datetime) -> Payload:
    line = LogLine(id=uuid.uuid4(), time=when, source="editor", template=SECRET)
    session = Session(uuid.uuid4(), subject, device.id, when)
    return Payload(device_id=device.id, timestamp=when, user_id=subject, logs=(line,), sessions=(session,))


async def person(line: Line, name: str, device: Device, provisional: uuid.UUID | None = None) -> uuid.UUID:
    account = Account(name=name)
    return (await log_on(line.app, line.keyring, line.secrets, account, device.id, provisional, NOW)).subject


async def texts(line: Line, device: Device) -> list[str]:
    found = await telemetry.lines(line.app, device.id, ("log",), NOW - timedelta(days=60), NOW + timedelta(days=1))
    return [row.text for row in found]


async def test_everything_of_an_erased_person_is_unreadable_and_nothing_of_anybody_else(line: Line) -> None:
    hers, his = await line.enrol(), await line.enrol()
    provisional = uuid.uuid4()
    await line.append(hers.batch([said(hers, provisional, NOW - timedelta(hours=2))], subject=provisional))
    await line.digest()
    anna, bob = await person(line, "anna", hers, provisional), await person(line, "bob", his)
    too_old = said(hers, anna, NOW - timedelta(days=40))
    await line.append(hers.batch([said(hers, anna, NOW), too_old], subject=anna))
    await line.append(his.batch([said(his, bob, NOW), said(his, bob, NOW - timedelta(days=40))], subject=bob))
    await line.digest()
    assert await texts(line, hers) == [SECRET] * 2
    letters = {x.device: x for x in await dead_letters.page(line.app)}

    forgotten = await forget_user(line.app, line.keyring, provisional, ACT, NOW)

    assert (forgotten.user_id, set(forgotten.subjects), forgotten.keys) == (anna, {anna, provisional}, 2)
    entries = await line.journal.read(dict.fromkeys(await line.journal.tips(), 0), 100)
    assert {e.device: e.body is None for e in entries} == {hers.id: True, his.id: False}
    assert await dead_letters.body(line.app, line.keyring, letters[hers.id].id) is None
    kept = await dead_letters.body(line.app, line.keyring, letters[his.id].id)
    assert kept is not None
    assert SECRET.encode() in kept
    assert await texts(line, hers) == ["", ""]
    assert await texts(line, his) == [SECRET]
    assert await queries.subject_of_account(line.app, line.secrets, "anna") is None
    assert await queries.users_of_device(line.app, hers.id) == []
    (row,) = await queries.users_of_device(line.app, his.id)
    opened = await open_account(line.keyring, bob, row.key_no, row.account_sealed)
    assert opened is not None
    assert opened.name == "bob"
    assert await line.rows("SELECT act, subject FROM audit_events") == [("user.erased", anna)]


async def test_what_comes_of_an_erased_person_afterwards_is_consumed_and_leaves_nothing(line: Line) -> None:
    device = await line.enrol()
    anna = await person(line, "anna", device)
    await line.append(device.batch([said(device, anna, NOW)], subject=anna))
    await forget_user(line.app, line.keyring, anna, ACT, NOW)
    (appended,) = await line.append(device.batch([said(device, anna, NOW)], subject=anna))
    assert appended.erased
    assert await line.digest() == 2
    for table in ("hot_lines", "sessions", "dead_letters"):
        assert await line.rows(f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_a_body_that_was_read_before_the_erasure_is_not_told_after_it(line: Line) -> None:
    device = await line.enrol()
    anna = await person(line, "anna", device)
    await line.append(device.batch([said(device, anna, NOW)], subject=anna))
    worker = Worker(line.house)
    await worker._hold()
    entries = await worker.read()
    assert entries[0].body is not None
    await forget_user(line.app, line.keyring, anna, ACT, NOW)
    await worker._digest(entries)
    await worker.let_go()
    assert await line.rows("SELECT count(*) FROM hot_lines") == [(0,)]


async def test_who_logs_on_again_is_somebody_new(line: Line) -> None:
    device = await line.enrol()
    before = await person(line, "anna", device)
    await forget_user(line.app, line.keyring, before, ACT, NOW)
    assert await person(line, "anna", device) != before


async def test_erasing_twice_is_recorded_once_and_a_stranger_not_at_all(line: Line) -> None:
    device = await line.enrol()
    anna = await person(line, "anna", device)
    assert (await forget_user(line.app, line.keyring, anna, ACT, NOW)).keys == 1
    assert (await forget_user(line.app, line.keyring, anna, ACT, NOW)).keys == 0
    with pytest.raises(Refused):
        await forget_user(line.app, line.keyring, uuid.uuid4(), ACT, NOW)
    assert await line.rows("SELECT count(*) FROM audit_events") == [(1,)]
