"""The catalogue and the register of columns agree, and what names a person lies sealed."""

import tomllib
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import eucora.migrations
from eucora.governance.classes import read

REGISTER = tomllib.loads((Path(eucora.migrations.__file__).parent / "columns.toml").read_text(encoding="utf-8"))
CLASSES = ("platform", "device", "pseudonymous", "personal", "content", "operator", "secret")
ROOMS = {
    "journal",
    "pipeline",
    "archive",
    "audit",
    "devices",
    "identity",
    "software",
    "drift",
    "incidents",
    "observe",
    "operators",
    "governance",
}
RETENTION = {*read(None, Path("/nowhere"), 28.0), "kept"}

# Partitions are copies of their parent; the migration tool keeps a table of its own.
CATALOGUE = """
    SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
       AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'schema_migrations'
"""


def registered(table: str) -> dict[str, str]:
    return {column: name for name in CLASSES for column in REGISTER[table].get(name, [])}


@pytest.fixture
async def catalogue(database: Any) -> dict[str, dict[str, str]]:
    """Table to column to type, as PostgreSQL knows them."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        rows = await connection.fetch(CATALOGUE)
    finally:
        await connection.close()
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["name"], {})[row["column"]] = row["type"]
    return found


async def test_every_column_of_the_database_is_registered_and_no_other(catalogue: dict[str, dict[str, str]]) -> None:
    assert set(catalogue) == set(REGISTER)
    for table, columns in catalogue.items():
        assert set(columns) == set(registered(table)), table


async def test_what_names_a_person_is_sealed_and_what_opens_something_is_never_text(
    catalogue: dict[str, dict[str, str]],
) -> None:
    for table, columns in catalogue.items():
        for column, held in registered(table).items():
            if held in ("personal", "secret"):
                assert columns[column] == "bytea", f"{table}.{column}"


@pytest.mark.parametrize("table", REGISTER)
def test_a_table_has_one_writer_a_retention_and_each_column_once(table: str) -> None:
    about = REGISTER[table]
    assert about["writer"] in ROOMS
    assert about["retention"] in RETENTION
    assert set(about) <= {"writer", "retention", *CLASSES}
    columns = [column for name in CLASSES for column in about.get(name, [])]
    assert len(columns) == len(set(columns))
