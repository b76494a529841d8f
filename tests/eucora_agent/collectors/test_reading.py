"""Joining what many collectors saw, and ids that a second reading gives again."""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.collectors import Reading, together
from eucora_agent.collectors.reading import record_id
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.software import Package

MOMENTS = st.integers(0, 2**41).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))
WHEN = datetime(2026, 11, 24, 12, 0, 0, 123_000, tzinfo=UTC)


def test_parts_of_one_section_become_one():
    whole = together([Reading(hardware=Hardware(cpu=3.0)), Reading(), Reading(hardware=Hardware(memory=41.0))])
    assert whole.hardware == Hardware(cpu=3.0, memory=41.0)


def test_inventories_stand_side_by_side_and_who_was_not_asked_stays_unknown():
    a, b = Package("a", "1", source="dpkg"), Package("b", "2", source="rpm")
    whole = together([Reading(packages={"dpkg": (a,)}), Reading(packages={"rpm": (b,)})])
    assert whole.packages == {"dpkg": (a,), "rpm": (b,)}
    assert whole.people is None


def test_nobody_at_the_device_is_not_the_same_as_not_asked():
    assert together([Reading(), Reading(people=())]).people == ()


@given(st.text(), st.lists(st.text(), max_size=3), MOMENTS)
def test_a_record_read_twice_has_one_id_and_it_is_a_uuid7_of_its_time(machine, words, when):
    first = record_id(machine, when, *words)
    assert first == record_id(machine, when, *words)
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first.int >> 80 == int(when.timestamp() * 1000)


def test_two_machines_never_share_an_id():
    assert record_id("one", WHEN, "install", "jq") != record_id("other", WHEN, "install", "jq")
