"""Questions about incidents."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__)

Kind = Literal["items-lost", "items-missing", "clone"]
MEANS: dict[Kind, str] = {
    "items-lost": "the device could not keep them",
    "items-missing": "nobody says what became of them",
    "clone": "two machines may present this identity",
}
"""In words for people."""


class Incident(Struct, frozen=True, kw_only=True):
    """`closed_at` is None while it lasts. `detail`: items, reasons; or streams."""

    number: int
    kind: Kind
    severity: str
    device: uuid.UUID
    opened_at: datetime
    closed_at: datetime | None
    detail: Mapping[str, Any]


async def incidents(
    db: Pool | Transaction, device: uuid.UUID | None, closed: bool, before: int | None, limit: int
) -> list[Incident]:
    """The newest first; of one device or of all; with those that are over, or without."""
    rows = await db.fetch(SQL.listed, device, closed, before, limit)
    return [Incident(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in map(dict, rows)]
