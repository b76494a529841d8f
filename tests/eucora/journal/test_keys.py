"""Keys of subjects and devices: made once, destroyed for ever."""

import asyncio
import uuid

import asyncpg
import pytest
from tests.conformance.journal.place import WRAPPING, Place

from eucora.journal import keys
from eucora.journal.keys import Keyring
from eucora.problems import Misconfigured, TryLater


def owner():
    return ("subject", uuid.uuid4())


async def test_a_key_is_made_once_whoever_asks_first(place: Place):
    mine = [owner() for _ in range(20)]
    rings = [Keyring(place.app, place.keys, WRAPPING) for _ in range(4)]
    made = await asyncio.gather(*(ring.ensure(mine) for ring in rings))
    assert all({o: k.key_no for o, k in one.items()} == {o: k.key_no for o, k in made[0].items()} for one in made)
    sealed = made[0][mine[0]].aead.encrypt(bytes(12), b"x", b"")
    assert made[3][mine[0]].aead.decrypt(bytes(12), sealed, b"") == b"x"


async def test_a_subject_and_a_device_of_one_id_have_two_keys(place: Place):
    one = uuid.uuid4()
    found = await place.keyring.ensure([("subject", one), ("device", one)])
    assert found["subject", one].key_no != found["device", one].key_no


async def test_a_destroyed_key_is_gone_and_none_is_made_again(place: Place):
    mine = owner()
    key = (await place.keyring.ensure([mine]))[mine]
    assert await place.keyring.destroy("subject", [mine[1]]) == 1
    assert await place.keyring.destroy("subject", [mine[1]]) == 0
    again = (await place.keyring.ensure([mine]))[mine]
    assert (again.key_no, again.aead) == (key.key_no, None)
    assert await place.keyring.by_number([key.key_no]) == {key.key_no: None}
    assert await place.keys.fetchval("SELECT wrapped FROM journal_keys WHERE key_no = $1", key.key_no) is None


async def test_a_key_that_was_never_made_can_be_destroyed(place: Place):
    mine = owner()
    assert await place.keyring.destroy("subject", [mine[1]]) == 1
    assert (await place.keyring.ensure([mine]))[mine].aead is None


async def test_nobody_elses_key_is_touched(place: Place):
    mine, theirs = owner(), owner()
    before = await place.keyring.ensure([mine, theirs])
    await place.keyring.destroy("subject", [mine[1]])
    fresh = Keyring(place.app, place.keys, WRAPPING)
    assert (await fresh.by_number([before[theirs].key_no]))[before[theirs].key_no] is not None


async def test_another_process_hears_of_it_within_the_time_promised(place: Place, monkeypatch):
    mine, other = owner(), Keyring(place.app, place.keys, WRAPPING)
    number = (await other.ensure([mine]))[mine].key_no
    await place.keyring.destroy("subject", [mine[1]])
    later = keys.monotonic() + keys.BEHIND_S
    monkeypatch.setattr(keys, "monotonic", lambda: later)
    assert await other.by_number([number]) == {number: None}
    assert (await other.ensure([mine]))[mine].aead is None


async def test_the_application_can_not_read_wrapped_keys(place: Place):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await place.app.fetch("SELECT wrapped FROM journal_keys")


async def test_another_wrapping_key_is_named_as_the_fault(place: Place):
    mine = owner()
    await place.keyring.ensure([mine])
    with pytest.raises(Misconfigured, match=r"wrapping\.key"):
        await Keyring(place.app, place.keys, bytes(32)).ensure([mine])


async def test_a_database_that_is_away_is_a_matter_of_time(place: Place):
    place.keys.terminate()
    with pytest.raises(TryLater):
        await place.keyring.ensure([owner()])
