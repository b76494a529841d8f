"""Sessions out of telemetry: the newest item wins, whatever the order of arrival."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.eucora.domains.items import BEGIN, absorb, arrivals, item
from tests.eucora.line import Line

from eucora.domains.identity import queries
from eucora.domains.identity.logon import log_on
from eucora_wire.answer import Account
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.sessions import Context, Session

told = st.tuples(st.integers(0, 1), st.booleans(), st.sampled_from((None, "corp", "home")))
histories = st.lists(told, min_size=1, max_size=6).flatmap(lambda said: st.tuples(st.just(said), arrivals(len(said))))

TABLE = """SELECT start, "end", network, order_item, event_time, received_at FROM sessions WHERE device_id = $1
            ORDER BY start"""


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories)
async def test_any_order_and_any_repetition_gives_the_same_sessions(line: Line, history: Any) -> None:
    said, batches = history
    tables = []
    for order in ([[n] for n in range(len(said))], batches):
        device, subject, ids = (await line.enrol()).id, uuid.uuid4(), [uuid.uuid4(), uuid.uuid4()]
        items = [
            item(device, n + 1, sessions=(session(ids[which], subject, device, which, ended, network),))
            for n, (which, ended, network) in enumerate(said)
        ]
        for batch in order:
            await absorb(line, "identity", [items[n] for n in batch])
        tables.append(await line.rows(TABLE, device))
    assert tables[0] == tables[1]


def session(
    session_id: uuid.UUID, subject: uuid.UUID, device: uuid.UUID, hour: int, ended: bool, network: Any
) -> Session:
    start = BEGIN + timedelta(hours=hour)
    end = start + timedelta(minutes=30) if ended else None
    return Session(session_id, subject, device, start, end, Context(network=network))


async def test_an_unheard_subject_becomes_a_provisional_one_of_its_device(line: Line) -> None:
    device, subject = (await line.enrol()).id, uuid.uuid4()
    said = session(uuid.uuid4(), subject, device, 0, False, "corp")
    await absorb(line, "identity", [item(device, 1, sessions=(said,))])
    assert await line.rows("SELECT subject, user_id, provisional, device FROM subjects") == [
        (subject, None, True, device)
    ]
    (row,) = await queries.sessions_of_device(line.app, device)
    assert (row.subject, row.user_id, row.network) == (subject, None, "corp")


async def test_the_telemetry_of_a_sixteenth_device_goes_on_without_the_mapping(line: Line) -> None:
    account = Account(name="anna")
    for _ in range(15):
        answer = await log_on(line.app, line.keyring, line.secrets, account, uuid.uuid4(), None, BEGIN)
    device = await line.enrol()
    said = session(uuid.uuid4(), answer.subject, device.id, 0, False, "corp")
    for _ in range(3):
        payload = Payload(
            device_id=device.id, timestamp=datetime.now(UTC), hardware=Hardware(cpu=1.0), sessions=(said,)
        )
        await line.append(device.batch([payload], subject=answer.subject))
        await line.digest()
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(3,)]
    assert await line.rows("SELECT user_id FROM sessions") == [(answer.subject,)]
    assert await line.rows("SELECT count(*) FROM device_user_map") == [(15,)]
    assert await line.rows("SELECT count(*) FROM dead_letters") == [(0,)]
    assert await line.rows("SELECT act, devices FROM audit_events") == [("user.mapping-refused", [device.id])]


async def test_a_session_maps_its_person_to_the_device(line: Line) -> None:
    first = await log_on(line.app, line.keyring, line.secrets, Account(name="anna"), uuid.uuid4(), None, BEGIN)
    device = (await line.enrol()).id
    said = session(uuid.uuid4(), first.subject, device, 0, False, "home")
    await absorb(line, "identity", [item(device, 1, sessions=(said,))])
    assert [user.user_id for user in await queries.users_of_device(line.app, device)] == [first.subject]
