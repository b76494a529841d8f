"""Some metrics of many devices as they are now: what a list shows. Of a device that fell silent long ago, nothing."""

import uuid
from collections.abc import Collection, Mapping, Sequence

import msgspec

from eucora.archive.files import snapshot
from eucora.archive.query import SQL
from eucora.slice import Pool

ROWS = 4
"""Newest rows of a device: one of its own numbers is among them, whatever its programs said beside."""


async def glance(
    pool: Pool, devices: Sequence[uuid.UUID], metrics: Collection[str]
) -> Mapping[uuid.UUID, dict[str, float]]:
    """Device to metric to its newest hot value; metrics that have labels are left out."""
    found: dict[uuid.UUID, dict[str, float]] = {}
    async with snapshot(pool) as at:
        rows = await at.db.fetch(SQL.glance, list(devices), at.hot, ROWS)
    for row in rows:  # the newest last
        of = found.setdefault(row["device"], {})
        for (name, labels), value in zip(msgspec.json.decode(row["parts"]), row["values"], strict=False):
            if name in metrics and not labels:
                of[name] = value
    return found
