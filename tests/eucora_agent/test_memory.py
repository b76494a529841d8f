"""What is remembered is what was appended, after whatever came between."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from tests.eucora_agent.spooling import boot, opened

from eucora_agent.collect import withhold
from eucora_agent.memory import FACTS, HOLDS, INVENTORY, Memory, facts_note, holds_note, inventory_note
from eucora_wire.delta import digest, inventory
from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Holds
from eucora_wire.sections.device import Device
from eucora_wire.sections.software import Package
from eucora_wire.state import digest_of_facts

PACKAGES = inventory([Package(name=f"p{n}", version="1", source="dpkg") for n in range(50)])


def test_nothing_is_remembered_before_something_was_appended(tmp_path: Path) -> None:
    memory = Memory(opened(tmp_path))
    assert memory.inventory() is None
    assert memory.inventory_is_missing()
    assert memory.is_new(Device(hostname="a"))
    assert memory.states == {}


def test_notes_are_read_again_after_a_restart(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    memory = Memory(spool)
    memory.states = {"crashes": {"seen": 3}, "cpu": {"last": 1}}
    facts = Device(hostname="a")
    holds = memory.told(Payload(uuid.uuid4(), datetime.now(UTC), device=facts))
    notes = {
        **memory.states_note(),
        INVENTORY: inventory_note(PACKAGES),
        FACTS: facts_note(facts),
        HOLDS: holds_note(holds),
    }
    spool.append(b"{}", "", 3, boot(), notes)
    assert memory.states_note() == {}  # nothing new: nothing to write
    spool.close()
    memory = Memory(opened(tmp_path))
    assert memory.inventory() == PACKAGES
    assert not memory.inventory_is_missing()
    assert not memory.is_new(facts)
    assert memory.holds == holds
    assert memory.is_new(Device(hostname="b"))
    assert memory.states == {"crashes": {"seen": 3}}  # of durable collectors alone


def test_what_is_damaged_counts_as_not_there(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"{}", "", 3, boot(), {INVENTORY: b"no zstd", "states": b"[1]", FACTS: uuid.uuid4().bytes})
    memory = Memory(spool)
    assert memory.inventory() is None
    assert memory.states == {}


def test_what_should_be_held_is_what_was_told_and_not_what_the_policy_withheld(tmp_path: Path) -> None:
    memory = Memory(opened(tmp_path))
    facts = Device(hostname="a", serial="s")
    told = withhold(Payload(uuid.uuid4(), datetime.now(UTC), device=facts), {"device.serial": False})
    assert memory.told(told).device == digest_of_facts(Device(hostname="a"))


def test_an_agent_of_before_says_at_once_what_of_its_inventory_should_be_held_and_tells_its_facts_anew(
    tmp_path: Path,
) -> None:
    spool, facts = opened(tmp_path), Device(hostname="a")
    spool.append(b"{}", "", 3, boot(), {INVENTORY: inventory_note(PACKAGES), FACTS: facts_note(facts)})
    memory = Memory(spool)
    assert memory.holds == Holds(software=digest(PACKAGES))
    assert memory.is_new(facts)
