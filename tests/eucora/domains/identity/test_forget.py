"""A person's key destroyed: their bodies are unreadable, every other thing is as it was."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.catalogue import Rows, everything, holding
from tests.eucora.line import Device, Line

from eucora.archive.lines import Lines
from eucora.archive.query import Archive
from eucora.domains.audit import Act
from eucora.domains.audit.chain import check
from eucora.domains.audit.read import event_of
from eucora.domains.identity import queries
from eucora.domains.identity.accounts import open_account
from eucora.domains.identity.forget import forget_user
from eucora.domains.identity.logon import log_on
from eucora.domains.telemetry import queries as telemetry
from eucora.journal import signers
from eucora.journal.entries import headers_of
from eucora.pipeline import dead_letters
from eucora.pipeline.worker import Worker
from eucora.problems import Refused
from eucora_wire.answer import Account
from eucora_wire.envelope import Signed, format_digest, verify
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


async def texts(archive: Archive, device: Device) -> list[str]:
    span = {"since": NOW - timedelta(days=60), "until": NOW + timedelta(days=1)}
    found = await telemetry.lines(archive, Lines(kinds=("log",), devices=[device.id], **span), 100)
    return [row.text for row in found]


async def test_everything_of_an_erased_person_is_unreadable_and_nothing_of_anybody_else(
    line: Line, archive: Archive
) -> None:
    hers, his = await line.enrol(), await line.enrol()
    provisional = uuid.uuid4()
    await line.append(hers.batch([said(hers, provisional, NOW - timedelta(hours=2))], subject=provisional))
    await line.digest()
    anna, bob = await person(line, "anna", hers, provisional), await person(line, "bob", his)
    too_old = said(hers, anna, NOW - timedelta(days=40))
    await line.append(hers.batch([said(hers, anna, NOW), too_old], subject=anna))
    await line.append(his.batch([said(his, bob, NOW), said(his, bob, NOW - timedelta(days=40))], subject=bob))
    await line.digest()
    assert await texts(archive, hers) == [SECRET] * 2
    letters = {x.device: x for x in await dead_letters.page(line.app)}

    forgotten = await forget_user(line.app, line.keyring, provisional, ACT, NOW)

    assert (forgotten.user_id, set(forgotten.subjects), forgotten.keys) == (anna, {anna, provisional}, 2)
    entries = await line.journal.read(dict.fromkeys(await line.journal.tips(), 0), 100)
    assert {e.device: e.body is None for e in entries} == {hers.id: True, his.id: False}
    assert await dead_letters.body(line.app, line.keyring, letters[hers.id].id) is None
    kept = await dead_letters.body(line.app, line.keyring, letters[his.id].id)
    assert kept is not None
    assert SECRET.encode() in kept
    assert await texts(archive, hers) == ["", ""]
    assert await texts(archive, his) == [SECRET]
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


async def two_persons(line: Line) -> tuple[uuid.UUID, uuid.UUID]:
    """Anna and Bob, each at a device of their own and both at a third; bodies, dead letters, lines, sessions of both."""
    hers, his, shared = [await line.enrol() for _ in range(3)]
    anna, bob = await person(line, "anna-7731", hers), await person(line, "bob-7731", his)
    for name, subject, own in (("anna-7731", anna, hers), ("bob-7731", bob, his)):
        await person(line, name, shared)
        for device in (own, shared):
            await line.append(device.batch([said(device, subject, NOW)], subject=subject))
            await line.append(device.batch([said(device, subject, NOW - timedelta(days=40))], subject=subject))
            await line.append(device.batch([], body=SECRET.encode(), encoding="identity", subject=subject))
        await line.append(own.batch([Payload(device_id=own.id, timestamp=NOW)]))
    await line.digest()
    return anna, bob


def about(rows: Rows, table: str, subject: uuid.UUID) -> list[object]:
    return [row for row in rows[table] if row["subject"] == subject]


def differences(before: Rows, after: Rows) -> dict[str, list[dict[str, object]]]:
    """By table: rows that were not there before, as they are now."""
    return {table: new for table, rows in after.items() if (new := [row for row in rows if row not in before[table]])}


async def test_after_an_erasure_no_row_of_anybody_else_is_another(line: Line, database: Any) -> None:
    anna, bob = await two_persons(line)
    before = await everything(database.owner_url)
    await forget_user(line.app, line.keyring, anna, ACT, NOW)
    after = await everything(database.owner_url)
    changed = differences(before, after)
    assert changed.keys() == {"users", "journal_keys", "audit_events", "archive_masks"}
    assert [row["user_id"] for row in changed["users"]] == [anna]
    assert [(row["kind"], row["owner"], row["wrapped"]) for row in changed["journal_keys"]] == [("subject", anna, None)]
    gone = {table: [row for row in rows if row not in after[table]] for table, rows in before.items()}
    assert {row["user_id"] for row in gone["device_user_map"]} == {anna}
    assert len(gone["device_user_map"]) == 2
    assert {t for t, rows in gone.items() if rows} == {"users", "journal_keys", "device_user_map"}
    assert about(before, "journal_entries", bob) == about(after, "journal_entries", bob)


async def test_after_an_erasure_only_that_persons_bodies_do_not_open(line: Line, database: Any) -> None:
    anna, bob = await two_persons(line)
    await forget_user(line.app, line.keyring, anna, ACT, NOW)
    entries = await line.journal.read(dict.fromkeys(await line.journal.tips(), 0), 100)
    assert {e.subject for e in entries if e.body is None} == {anna}
    assert {e.subject for e in entries if e.body is not None} == {bob, None}
    letters = [letter for letter in await dead_letters.page(line.app) if letter.subject is not None]
    opened = {x.id: await dead_letters.body(line.app, line.keyring, x.id) for x in letters}
    assert [opened[x.id] for x in letters if x.subject == anna] == [None] * 4
    assert all(SECRET.encode() in (opened[x.id] or b"") for x in letters if x.subject == bob)
    rows = await everything(database.owner_url)
    assert holding(rows, "anna-7731") == holding(rows, "bob-7731") == set()
    assert holding(rows, SECRET) == {("hot_lines", "text")}


async def test_after_an_erasure_every_signature_and_every_chain_still_verifies(line: Line, database: Any) -> None:
    anna, _ = await two_persons(line)
    await forget_user(line.app, line.keyring, anna, ACT, NOW)
    rows = await everything(database.owner_url)
    known = await signers.load(line.app, [row["keyid"] for row in rows["signers"]])
    last: dict[uuid.UUID, str] = {}
    for row in sorted(rows["journal_entries"], key=lambda row: row["sequence"]):
        signer = known[row["keyid"]]
        signed = Signed(signer.keyid, signer.algorithm, row["signature"], row["signed"], 0)
        verify(signed, signer.key)
        assert signed.batch_digest == row["digest"]
        assert headers_of(row["signed"])["eucora-previous"] == last.get(row["stream"], "none")
        last[row["stream"]] = format_digest(row["digest"])
    assert {row["stream"]: format_digest(row["last_digest"]) for row in rows["journal_heads"]} == last
    assert all(row["gaps"] == "[]" and not row["fork"] for row in rows["journal_heads"])
    trail = [event_of(row) for row in sorted(rows["audit_events"], key=lambda row: row["position"])]
    verdict = check(trail, line.secrets.audit.public_key())
    assert (verdict.faults, verdict.events) == ((), len(trail))
