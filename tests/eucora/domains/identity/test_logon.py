"""At log-on an account becomes a subject id; no name is stored in clear."""

import asyncio
import uuid
from datetime import UTC, datetime

from tests.eucora.line import Line

from eucora.domains.identity import queries
from eucora.domains.identity.accounts import open_account
from eucora.domains.identity.logon import log_on
from eucora_wire.answer import Account, LogonAnswer

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ANNA = Account(name="Anna", domain="CORP", display="Anna Example")


async def arrive(
    line: Line, account: Account = ANNA, device: uuid.UUID | None = None, provisional: uuid.UUID | None = None
) -> LogonAnswer:
    return await log_on(line.app, line.keyring, line.secrets, account, device or uuid.uuid4(), provisional, NOW)


async def test_the_same_account_is_the_same_subject_whatever_its_case(line: Line) -> None:
    first = await arrive(line)
    second = await arrive(line, Account(name="ANNA", domain="corp"))
    assert second.subject == first.subject
    assert (second.user_devices, second.mapped, second.problem) == (2, True, None)
    assert await queries.subject_of_account(line.app, line.secrets, "corp\\anna") == first.subject
    assert await queries.subject_of_account(line.app, line.secrets, "anna") is None


async def test_the_account_lies_sealed_under_the_persons_key(line: Line) -> None:
    device = uuid.uuid4()
    answer = await arrive(line, device=device)
    (user,) = await queries.users_of_device(line.app, device)
    assert user.user_id == answer.subject
    assert user.account_sealed is not None
    assert b"nna" not in user.account_sealed
    assert await open_account(line.keyring, user.user_id, user.key_no, user.account_sealed) == ANNA


async def test_many_first_log_ons_at_once_make_one_person_with_one_key(line: Line) -> None:
    answers = await asyncio.gather(*(arrive(line) for _ in range(12)))
    assert len({answer.subject for answer in answers}) == 1
    assert await line.rows("SELECT count(*) FROM users") == [(1,)]
    assert await line.rows("SELECT count(*) FROM journal_keys") == [(1,)]


async def test_a_provisional_id_is_resolved_once_and_only_from_its_own_device(line: Line) -> None:
    device, thief, provisional = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    await line.app.execute(
        "INSERT INTO subjects (subject, provisional, device) VALUES ($1, true, $2)", provisional, device
    )
    await arrive(line, Account(name="mallory"), thief, provisional)
    assert await queries.user_of_subject(line.app, provisional) is None
    anna = await arrive(line, ANNA, device, provisional)
    assert await queries.user_of_subject(line.app, provisional) == anna.subject
    await arrive(line, Account(name="bob"), device, provisional)
    assert await queries.user_of_subject(line.app, provisional) == anna.subject


async def test_the_id_of_a_person_can_not_be_claimed_as_provisional(line: Line) -> None:
    anna = await arrive(line)
    await arrive(line, Account(name="mallory"), None, anna.subject)
    assert await queries.user_of_subject(line.app, anna.subject) == anna.subject


async def test_the_sixteenth_device_is_refused_by_name_and_recorded(line: Line) -> None:
    answers = [await arrive(line) for _ in range(16)]
    assert [a.mapped for a in answers] == [True] * 15 + [False]
    assert (answers[-1].problem, answers[-1].user_devices) == ("too-many-devices", 15)
    assert answers[-1].subject == answers[0].subject
    assert await line.rows("SELECT act, outcome, subject FROM audit_events") == [
        ("user.mapping-refused", "refused", answers[0].subject)
    ]
