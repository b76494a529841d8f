"""What each role may do, as PostgreSQL itself knows it: nobody but the owner can rewrite the trail or see wrapped keys."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

ROLES = ["eucora_app", "eucora_keys"]

TABLES = """
    SELECT c.relname, r.role, p.privilege
      FROM pg_class c, unnest($1::text[]) r (role),
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p (privilege)
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
       AND (has_table_privilege(r.role, c.oid, p.privilege)
            OR (p.privilege IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(r.role, c.oid, p.privilege)))
"""
COLUMNS = """
    SELECT r.role, a.attname FROM pg_attribute a, unnest($1::text[]) r (role)
     WHERE a.attrelid = 'journal_keys'::regclass AND a.attnum > 0
       AND has_column_privilege(r.role, a.attrelid, a.attnum, $2)
"""
FUNCTIONS = """
    SELECT p.proname FROM pg_proc p, unnest($1::text[]) r (role)
     WHERE p.pronamespace = 'public'::regnamespace AND has_function_privilege(r.role, p.oid, 'EXECUTE')
"""


@pytest.fixture
async def owner(database: Any) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("SELECT keep_partitions(current_date)")
    yield connection
    await connection.close()


async def test_the_trail_is_read_and_added_to_by_the_application_and_by_nobody_else(owner: Any) -> None:
    told = {tuple(row) for row in await owner.fetch(TABLES, ROLES) if row["relname"].startswith("audit_")}
    assert told == {(table, "eucora_app", p) for table in ("audit_events", "audit_heads") for p in ("SELECT", "INSERT")}
    parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass"
    assert await owner.fetchval(parts) > 0, "no partition was looked at"


async def test_what_came_and_what_was_stored_of_it_is_never_rewritten_by_the_application(owner: Any) -> None:
    told = {(row["relname"], row["privilege"]) for row in await owner.fetch(TABLES, ["eucora_app"])}
    for table in (
        "journal_entries",
        "journal_digests",
        "journal_segments",
        "shapes",
        "hot_metrics",
        "hot_lines",
        "hot_spans",
        "device_facts",
    ):
        assert {p for name, p in told if name == table} == {"SELECT", "INSERT"}, table
    assert {p for _, p in told} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert {name for name, p in told if p == "DELETE"} == {
        "device_user_map",
        "journal_replaced",
        "follower_agains",
        "traced",
        "own_figures",
    }


async def test_the_application_sees_no_wrapped_key_and_the_keys_role_sees_nothing_else(owner: Any) -> None:
    readable = {tuple(row) for row in await owner.fetch(COLUMNS, ROLES, "SELECT")}
    assert ("eucora_app", "wrapped") not in readable
    assert ("eucora_keys", "wrapped") in readable
    assert {row["attname"] for row in await owner.fetch(COLUMNS, ["eucora_app"], "UPDATE")} == set()
    keys = {row["relname"] for row in await owner.fetch(TABLES, ["eucora_keys"])}
    assert keys == {"journal_keys"}


async def test_no_role_becomes_another_and_few_functions_run_as_the_owner(owner: Any) -> None:
    member = "SELECT pg_has_role($1, current_user, 'MEMBER') OR pg_has_role($1, $2, 'MEMBER')"
    for role, other in (("eucora_app", "eucora_keys"), ("eucora_keys", "eucora_app")):
        assert not await owner.fetchval(member, role, other), role
    functions = {row["proname"] for row in await owner.fetch(FUNCTIONS, ROLES)}
    kept = {"keep_partitions", "drop_digests", "open_window", "drop_windows", "drop_sealed_day"}
    retention = {"expire_segments", "forget_segments", "drop_expired_month", "expired_audit_month", "drop_audit_month"}
    erasure = {"forget_device", "forget_interval", "forget_key", "scrub_entries", "swap_segment"}
    as_caller = {"facts_digest"}
    assert functions == kept | retention | erasure | {"forget_superseded", "forget_incidents"} | as_caller
