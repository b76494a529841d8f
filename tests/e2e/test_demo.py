"""`eucora demo` as a newcomer types it: through the doors, marked wherever it is shown, and gone when it is removed."""

import asyncio
from typing import Any

import pytest
from tests.catalogue import everything, holding
from tests.platform import Up, owner

pytestmark = pytest.mark.timeout(180)
COUNT = 8
KEEPS = {"audit_events", "erasures", "archive_masks", "follower_erasures"}
"""That it was there stays, under an id that leads nowhere."""
FADES = {"journal_entries", "hot_metrics", "hot_lines", "hot_spans", "journal_keys"}
"""Unreadable or hidden at once; gone with the next turns (tests of erasure)."""


@pytest.fixture(scope="module")
def shown(running: Up) -> dict[str, Any]:
    told: dict[str, Any] = running.json("demo", "--devices", str(COUNT), "--once")
    return told


def test_all_of_it_is_stored_and_can_be_asked_for(running: Up, shown: dict[str, Any]) -> None:
    assert shown["devices"] == COUNT
    assert shown["payloads"] > 500 * COUNT
    assert running.json("deadletters") == []
    simulated = running.json("devices", "state:simulated")
    assert len(simulated) == COUNT
    assert {device["simulated"] for device in running.json("devices")} == {True, False}, "this machine is none"
    crashes = running.json("lines", "--kind", "crash", "--since", "7d")
    assert len(crashes) > 3
    away = running.json("series", shown["parts"]["away"], "cpu", "--since", "21d", "--until", "15d")
    assert away["points"]
    assert len(running.json("device", shown["parts"]["hot_desk"])["users"]) > 5
    (stream,) = running.json("device", shown["parts"]["shedding"])["streams"]
    assert stream["gaps"] == [], "what was shed is accounted for"


def test_a_second_fleet_is_refused_while_there_is_one(running: Up, shown: dict[str, Any]) -> None:
    again = running.run("demo", "--once", check=False)
    assert again.returncode == 1
    assert "eucora demo --remove" in again.stderr


def test_removed_it_is_nowhere_and_this_machine_is_untouched(running: Up, shown: dict[str, Any]) -> None:
    before = [d["device_id"] for d in running.json("devices", "state:simulated")]
    assert running.json("demo", "--remove") == {"devices": COUNT, "persons": pytest.approx(COUNT, abs=60)}
    (own,) = running.json("devices")
    assert own["device_id"] not in before
    assert running.json("lines", "--kind", "crash", "--since", "7d") == []
    assert {each["device"] for each in running.json("erasures") if each["whole"]} == set(before)
    rows = asyncio.run(everything(owner(running)))
    for device in before:
        assert {table for table, _ in holding(rows, device)} <= KEEPS | FADES
    assert running.json("demo", "--remove") == {"devices": 0, "persons": 0}
    acts = [each["act"] for each in running.json("audit", "list")]
    assert acts.count("device.erased") == COUNT
