"""The story is the same for the same seed, and says what it promises: who is on, what goes wrong, whom it befalls."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.demo.cast import DRIVER, Machine, cast, installed
from eucora.demo.says import Voice, speak, voice
from eucora.demo.story import AWAY, BAD, DAY, MENDED, SPAN, mended, stretches, updates, version_at
from eucora_wire.delta import apply, digest, inventory
from eucora_wire.payload import Payload, decode, encode

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
DEVICE, SUBJECT = uuid.UUID(int=7), uuid.UUID(int=9)
FLEET = cast(1, 60)


def told(machine: Machine, seed: int = 1, now: datetime = NOW) -> list[Payload]:
    who: Voice = voice(machine, DEVICE, seed, now)
    return [each for stretch in stretches(machine, seed, now) for each in speak(who, stretch, SUBJECT)]


def part(name: str) -> Machine:
    return next(machine for machine in FLEET if machine.part == name)


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_smaller_fleet_is_the_beginning_of_a_larger_one_of_the_same_seed(seed: int, count: int) -> None:
    assert cast(seed, count) == cast(seed, 40)[:count]
    assert all(
        machine.hostname.startswith("demo-") and machine.serial.startswith("DEMO-") for machine in cast(seed, count)
    )


@pytest.mark.parametrize("number", [1, 3, 7, 9, 14])
def test_the_same_seed_tells_the_same_and_a_later_day_the_same_later(number: int) -> None:
    machine = FLEET[number - 1]
    assert told(machine) == told(machine)
    later = told(machine, now=NOW + 40 * DAY)
    assert [each.hardware for each in later] == [each.hardware for each in told(machine)]
    assert [each.timestamp - 40 * DAY for each in later] == [each.timestamp for each in told(machine)]
    assert [each.hardware for each in told(machine, seed=2)] != [each.hardware for each in told(machine)]


@pytest.mark.parametrize("machine", FLEET[:24], ids=lambda machine: str(machine.number))
def test_what_is_said_holds_against_the_contract_in_order_and_until_now(machine: Machine) -> None:
    payloads = told(machine)
    assert decode(encode(payloads)) == payloads
    times = [each.timestamp for each in payloads]
    assert times == sorted(times)
    assert times[-1] == NOW
    assert NOW - times[0] <= (AWAY if machine.part == "away" else SPAN) + timedelta(hours=9)


def test_inventories_told_as_differences_lead_to_what_is_installed() -> None:
    machine = next(m for m in FLEET if m.model.driver and mended(m))
    has = installed(machine)
    for payload in told(machine):
        if payload.software is None:
            continue
        if payload.software.packages is not None:
            assert inventory(payload.software.packages) == has
        elif payload.software.delta is not None:
            assert payload.software.delta.base == digest(has)
            has = apply(has, payload.software.delta)
            assert payload.software.delta.result == digest(has)
    assert {p.version for p in has.values() if p.name == DRIVER} == {MENDED}


def test_meet_crashes_in_the_driver_while_the_bad_one_is_installed_and_hardly_else() -> None:
    bad, good = [], []
    for machine in FLEET:
        made = updates(machine, 1, NOW)
        for payload in told(machine):
            crashes = payload.apps.crashes if payload.apps else ()
            wrong = machine.model.driver and version_at(DRIVER, "31.2", made, payload.timestamp) == BAD
            (bad if wrong else good).append(len(crashes))
            assert all(crash.module == f"{DRIVER}64.dll" for crash in crashes) or not wrong
    assert sum(bad) / len(bad) > 20 * sum(good) / len(good)


def test_who_was_away_for_three_weeks_has_three_weeks_to_tell_and_a_hot_desk_has_many_persons() -> None:
    assert NOW - told(part("away"))[0].timestamp > 20 * DAY
    assert len({stretch.person for stretch in stretches(part("hot_desk"), 1, NOW)}) > 10
    assert len({stretch.person for stretch in stretches(FLEET[0], 1, NOW)}) == 1


def test_a_disk_fills_and_a_battery_is_worn() -> None:
    disk = [each.hardware.disk for each in told(part("filling")) if each.hardware and each.hardware.disk]
    assert (disk[0] < 70, disk[-1] > 97) == (True, True)
    assert {b.capacity for each in told(part("worn")) if each.hardware for b in each.hardware.batteries} == {52.0}
