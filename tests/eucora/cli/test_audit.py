"""`eucora audit`: whoever altered, removed or inserted a row is found, here and in an export, and the command says so."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Plane

from eucora import clock
from eucora.domains.audit import Act, Event, sign_head
from eucora.domains.audit.read import Filter, page
from eucora.domains.audit.write import chained


@pytest.fixture
async def owner(database: Any, terminal: Terminal) -> AsyncIterator[Any]:
    """Somebody who holds the database's owner, who alone can rewrite the trail, when it has some rows."""
    for label in ("one", "two", "three"):
        await terminal.told("tokens", "create", "--label", label)
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


COLUMNS = """id, actor_kind, actor, origin, act, class, devices, subject, purpose, outcome, detail, key_no, sealed, previous,
             digest"""
DAMAGE = {
    "altered": ("UPDATE audit_events SET act = 'nothing' WHERE position = 2", "event 2: changed"),
    "removed": ("DELETE FROM audit_events WHERE position = 3", "event 4: hole"),
    "inserted": (
        f"INSERT INTO audit_events SELECT position, at + interval '1 ms', {COLUMNS} FROM audit_events WHERE position = 2",
        "event 2: changed",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_row_that_was_altered_removed_or_inserted_is_found(
    terminal: Terminal, owner: Any, tmp_path: Path, damage: str
) -> None:
    assert "The trail is whole" in await terminal.told("audit", "verify")
    statement, said = DAMAGE[damage]
    assert (await owner.execute(statement)).endswith("1")
    file = tmp_path / "trail.jsonl"
    await terminal.told("audit", "export", "-o", str(file))
    for words in (("audit", "verify"), ("audit", "verify", "--file", str(file))):
        found = await terminal.type(*words)
        assert found.exit_code == 1
        assert said in found.output
        assert "The trail is NOT whole" in found.output
        assert json.loads((await terminal.type(*words, "--json")).stdout)["whole"] is False


async def test_a_trail_rewritten_with_all_its_digests_is_found_by_the_head_in_the_object_store(
    terminal: Terminal, plane: Plane, owner: Any
) -> None:
    head = await sign_head(plane.house.pool, plane.house.objects, plane.house.secrets.audit, clock.now())
    assert head is not None
    try:
        assert (await terminal.json("audit", "verify"))["heads"] == 2
        await _rewrite(plane, owner)
        await owner.execute("DELETE FROM audit_heads")
        told = await terminal.type("audit", "verify")
        assert told.exit_code == 1
        assert f"event {head.position}: head: the row is not the one that was signed" in told.output
    finally:
        await plane.house.objects.delete(f"audit/heads/{head.position}.json")


async def _rewrite(plane: Plane, owner: Any) -> None:
    """What a perfect forger does: other purposes, and every digest made anew."""
    events = sorted(await page(plane.house.pool, Filter(), None, 1000), key=lambda event: event.position)
    previous = events[0].previous
    for event in events:
        forged = chained(_with_another_purpose(event), event.position, event.at, previous)
        previous = forged.digest
        await owner.execute(
            "UPDATE audit_events SET id = $2, purpose = $3, previous = $4, digest = $5 WHERE position = $1",
            forged.position,
            forged.id,
            forged.purpose,
            forged.previous,
            forged.digest,
        )


def _with_another_purpose(event: Event) -> Act:
    fields = {name: getattr(event, name) for name in Act.__struct_fields__}
    return Act(**{**fields, "purpose": "a purpose that nobody gave"})


async def test_an_export_is_verified_with_the_platform_s_own_key_and_no_other(
    terminal: Terminal, plane: Plane, tmp_path: Path
) -> None:
    head = await sign_head(plane.house.pool, plane.house.objects, plane.house.secrets.audit, clock.now())
    assert head is not None
    file = tmp_path / "trail.jsonl"
    told = await terminal.told("audit", "export", "-o", str(file))
    await plane.house.objects.delete(f"audit/heads/{head.position}.json")
    assert "eucora audit verify --file" in told
    assert (await terminal.json("audit", "verify", "--file", str(file)))["heads"] == 1
    other = "A" * 43 + "="
    assert (await terminal.type("audit", "verify", "--file", str(file), "--key", other)).exit_code == 1
    assert "32 bytes" in str((await terminal.type("audit", "verify", "--file", str(file), "--key", "no")).exception)


async def test_the_list_names_operators_and_is_narrowed(terminal: Terminal) -> None:
    await terminal.told("operators", "create", "anna")
    await terminal.told("tokens", "create", "--label", "x")
    assert "admin" in await terminal.told("audit", "list", "--class", "administration")
    acts = [event["act"] for event in await terminal.json("audit", "list", "--act", "operator")]
    assert acts[:2] == ["operator-token.created", "operator.created"]
    assert {event["class"] for event in await terminal.json("audit", "list", "--class", "access")} == {"access"}
    assert "Nothing." in await terminal.told("audit", "list", "--class", "personal")
