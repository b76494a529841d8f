"""The statements of this room, read once from `queries.sql`."""

from eucora.sql import load

SQL = load(__file__)
