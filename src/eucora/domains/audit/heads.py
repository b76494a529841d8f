"""A signed head of the trail, each minute, in the object store: what was there then can't be rewritten unseen."""

from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eucora.domains.audit.chain import canonical, plain, sign
from eucora.domains.audit.records import Head
from eucora.domains.audit.write import SQL
from eucora.slice import Pool
from eucora.stores.ports import Objects

FOLDER = "audit/heads/"
EVERY_S = 60.0


async def sign_head(pool: Pool, objects: Objects, key: Ed25519PrivateKey, now: datetime) -> Head | None:
    """Sign the end of the trail and store it; None when it has not grown since the last head.

    The object comes first: a head that only the object store has is checked like any other.
    """
    last, signed = await pool.fetchrow(SQL.last_event), await pool.fetchrow(SQL.last_head)
    if last is None or (signed is not None and signed["position"] >= last["position"]):
        return None
    return await put_head(pool, objects, key, now, last["position"], last["digest"])


async def put_head(
    pool: Pool, objects: Objects, key: Ed25519PrivateKey, now: datetime, position: int, digest: bytes
) -> Head:
    """Sign the trail at a position and store that. At one that was signed before the first head stays."""
    head = sign(await pool.fetchval(SQL.installation), position, digest, now, key)
    name = f"{FOLDER}{head.position}.json"
    await objects.put(name, canonical(plain(head)), if_absent=True)
    await pool.execute(SQL.add_head, head.position, head.digest, head.signed_at, head.keyid, head.signature, name)
    return head


def read_head(body: bytes) -> Head:
    """The inverse of what `sign_head` stores. Raises msgspec.ValidationError or DecodeError."""
    return msgspec.json.decode(body, type=Head)
