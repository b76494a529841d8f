"""A completeness statement of one device: what its key signed, batch after batch, and what of it is missing, signed by us.

JSON lines that explain themselves; an outsider verifies them with public keys alone (`eucora_verify`, and
docs/reference/completeness-statement.md). Nothing that a device said is in it: digests, numbers, times, and the
pseudonym that a batch names.
"""

import hashlib
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from eucora.journal.cold import segment_at
from eucora.journal.entries import headers_of
from eucora.journal.intervals import Account, accounted, told
from eucora.secrets import raw_public
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated
from eucora_wire.envelope import thumbprint

SQL = load(__file__, "statement.sql")
KIND, VERSION = "eucora-completeness", 1
AT_ONCE = 500
"""Batches in memory at a time."""


class Batch(Struct, frozen=True):
    """What was signed, by which key, and when it was received."""

    stream: uuid.UUID
    sequence: int
    received: datetime
    keyid: str
    base: str
    signature: str


class Asked(Struct, frozen=True):
    """Of which device, since when; who states it, and `address`: where it is reached, in its own words."""

    installation: uuid.UUID
    device: uuid.UUID
    since: datetime | None
    now: datetime
    address: str


async def state(pool: Pool, objects: Objects, key: Ed25519PrivateKey, asked: Asked) -> AsyncIterator[bytes]:
    """The lines. What came within the memory of digests (the spool's maximum age) can be stated."""
    hashed = hashlib.sha256()
    with translated():
        keys = await pool.fetch(SQL.keys, asked.device)
        places = await pool.fetch(SQL.places, asked.device, asked.since)
    claims: dict[uuid.UUID, tuple[int, Account]] = {}
    count = 0
    for line in _head(asked, keys, key):
        hashed.update(line)
        yield line
    for n in range(0, len(places), AT_ONCE):
        piece = []
        for batch in await _batches(pool, objects, places[n : n + AT_ONCE]):
            _claim(claims, batch)
            count += 1
            piece.append(_line(batch))
        for line in piece:
            hashed.update(line)
        yield b"".join(piece)
    end = _line({"claims": _claims(claims), "batches": count})
    hashed.update(end)
    yield end
    yield _line({"keyid": thumbprint(key.public_key()), "signature": b64encode(key.sign(hashed.digest())).decode()})


def _head(asked: Asked, keys: Sequence[Any], key: Ed25519PrivateKey) -> list[bytes]:
    told = [
        {"keyid": row["keyid"], "algorithm": row["algorithm"], "public_key": b64encode(row["public_key"]).decode()}
        for row in keys
    ]
    ours = {"keyid": thumbprint(key.public_key()), "public_key": b64encode(raw_public(key)).decode()}
    return [
        _line({"kind": KIND, "version": VERSION, "installation": asked.installation, "address": asked.address,
               "device": asked.device, "since": asked.since, "stated": asked.now, "keys": told, "stated_by": ours})
    ]  # fmt: skip


async def _batches(pool: Pool, objects: Objects, places: Sequence[Any]) -> list[Batch]:
    """In the order of the places, hot or sealed."""
    columns = [[row[name] for row in places] for name in ("shard", "lane", "position", "received")]
    with translated():
        found = {(r["shard"], r["lane"], r["position"]): r for r in await pool.fetch(SQL.hot, *columns)}
        left = [row for row in places if (row["shard"], row["lane"], row["position"]) not in found]
        found |= await _cold(pool, objects, left)
    rows = [found.get((row["shard"], row["lane"], row["position"])) for row in places]
    return [_batch(row) for row in rows if row is not None and row["signed"]]  # of what was erased nothing is left


def _batch(row: Mapping[str, Any]) -> Batch:
    base, signature = bytes(row["signed"]).decode(), b64encode(row["signature"]).decode()
    return Batch(row["stream"], row["sequence"], row["received"], row["keyid"], base, signature)


async def _cold(pool: Pool, objects: Objects, places: Sequence[Any]) -> dict[tuple[int, int, int], Mapping[str, Any]]:
    if not places:
        return {}
    columns = [[row[name] for row in places] for name in ("shard", "lane", "position")]
    wanted = {(row["shard"], row["lane"], row["position"]) for row in places}
    found: dict[tuple[int, int, int], Mapping[str, Any]] = {}
    for row in await pool.fetch(SQL.segments, *columns):
        segment = await segment_at(objects, row["object"], row["digest"])
        found |= {
            (e.shard, e.lane, e.position): msgspec.structs.asdict(e)
            for e in segment.entries
            if (e.shard, e.lane, e.position) in wanted
        }
    return found


def _claim(claims: dict[uuid.UUID, tuple[int, Account]], batch: Batch) -> None:
    """As a verifier adds it up: from the first item that this statement knows of the stream."""
    own, *lost = told(headers_of(batch.base.encode())).ranges
    first, account = claims.get(batch.stream, (own[0], Account(own[0] - 1)))
    ranges = sorted(each for each in (own, *lost) if each[0] >= first)
    claims[batch.stream] = (first, accounted(account, ranges, batch.received))


def _claims(claims: Mapping[uuid.UUID, tuple[int, Account]]) -> list[dict[str, Any]]:
    return [
        {
            "stream": stream,
            "first": first,
            "last": account.last,
            "missing": [(m.first, m.last) for m in account.missing],
        }
        for stream, (first, account) in claims.items()
    ]


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
