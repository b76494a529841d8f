"""All that a database holds: every row of every table that its own catalogue knows, whatever was forgotten in a list."""

from typing import Any

import asyncpg

TABLES = """
SELECT coalesce(i.inhparent, c.oid)::regclass::text AS parent, c.oid::regclass::text AS name
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""

Rows = dict[str, list[dict[str, Any]]]


async def everything(url: str) -> Rows:
    """Rows by the table that they are a part of; the role must see all of them."""
    connection = await asyncpg.connect(url)
    try:
        found: Rows = {}
        for table in await connection.fetch(TABLES):
            rows = await connection.fetch(f"SELECT * FROM {table['name']}")
            found.setdefault(table["parent"], []).extend(dict(row) for row in rows)
        return found
    finally:
        await connection.close()


def holding(rows: Rows, name: str) -> set[tuple[str, str]]:
    """The columns in which a name stands in clear, whatever its case, or as hexadecimal."""
    wanted = forms(name)
    return {
        (table, column)
        for table, held in rows.items()
        for row in held
        for column, value in row.items()
        if any(form in _bytes(value).lower() for form in wanted)
    }


def forms(name: str) -> tuple[bytes, ...]:
    """What to look for among bytes in lower case."""
    return name.lower().encode(), name.encode().hex().encode()


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
