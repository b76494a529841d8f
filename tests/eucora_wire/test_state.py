"""The same state has the same digest on every machine, in every zone, after every journey over the wire."""

import base64
import hashlib
import uuid
from datetime import UTC, datetime, timedelta, timezone

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from eucora_wire.sections.device import Device, OperatingSystem
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.state import digest_of_facts, digest_of_sessions

DEVICE, SUBJECT, SESSION, OTHER = (uuid.UUID(int=n) for n in (1, 2, 3, 4))
START = datetime(2026, 11, 26, 12, 0, 0, 5, tzinfo=UTC)
zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def of(canonical: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(canonical).digest()).decode()}:"


def test_the_bytes_are_those_that_the_contract_tells() -> None:
    facts = Device(os=OperatingSystem(name="Debian", version="12"), hostname="anna", boot_time=START, vdi=False)
    assert digest_of_facts(facts) == of(
        b'{"os":{"name":"Debian","version":"12"},"hostname":"anna","boot_time":"2026-11-26T12:00:00.000005Z","vdi":false}'
    )
    session = Session(SESSION, SUBJECT, DEVICE, START, context=Context("corp"))
    assert digest_of_sessions(session) == of(
        b'{"session_id":"00000000-0000-0000-0000-000000000003","user_id":"00000000-0000-0000-0000-000000000002",'
        b'"device_id":"00000000-0000-0000-0000-000000000001","start":"2026-11-26T12:00:00.000005Z",'
        b'"context":{"network":"corp"}}'
    )
    start = START.isoformat().replace("+00:00", "Z")
    ids = f'"user_id":"{SUBJECT}","device_id":"{DEVICE}","start":"{start}"'
    ended, goes_on = Session(SESSION, SUBJECT, DEVICE, START, START), Session(OTHER, SUBJECT, DEVICE, START)
    both = f'[{{"session_id":"{SESSION}",{ids},"end":"{start}"}},{{"session_id":"{OTHER}",{ids}}}]'
    assert digest_of_sessions(ended, goes_on) == of(both.encode())
    assert digest_of_sessions() == of(b"[]")


@given(zones, st.none() | st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_zone_a_journey_and_a_place_of_which_nothing_is_known_change_nothing(
    zone: timezone, lasted: timedelta | None
) -> None:
    end = None if lasted is None else START + lasted
    told = Session(SESSION, SUBJECT, DEVICE, START, end)
    other = Session(SESSION, SUBJECT, DEVICE, START.astimezone(zone), end and end.astimezone(zone), Context())
    arrived = msgspec.json.decode(msgspec.json.encode(other), type=Session)
    assert digest_of_sessions(told) == digest_of_sessions(other) == digest_of_sessions(arrived)
    facts, elsewhere = Device(boot_time=START), Device(boot_time=START.astimezone(zone))
    assert digest_of_facts(facts) == digest_of_facts(msgspec.json.decode(msgspec.json.encode(elsewhere), type=Device))


def test_any_other_word_is_another_digest() -> None:
    told = Session(SESSION, SUBJECT, DEVICE, START)
    others = [
        msgspec.structs.replace(told, end=START),
        msgspec.structs.replace(told, start=START + timedelta(microseconds=1)),
        msgspec.structs.replace(told, context=Context(vpn=False)),
    ]
    assert len({digest_of_sessions(each) for each in (told, *others)}) == 4
