"""The trail for operators: listed, verified, exported, and the key that its heads are signed with."""

import uuid
from base64 import b64encode
from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from eucora.domains.audit import read
from eucora.domains.audit.read import Filter
from eucora.domains.audit.records import Event, Verdict
from eucora.domains.audit.verify import verify
from eucora.domains.audit.write import by, record
from eucora.secrets import raw_public
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenObjects, GivenPool, GivenSecrets
from eucora.web.moments import moment
from eucora.web.paging import After, Limit, Page, cut, key
from eucora_wire.envelope import thumbprint

Text = Annotated[str | None, QueryParameter(max_length=80)]


class PublicKey(Struct, frozen=True):
    """Ed25519, the raw 32 bytes in base64; `keyid` is its thumbprint (RFC 7638)."""

    keyid: str
    public_key: str


@get("/audit/events", opt=declared("audit.read", "none"))
async def events(
    pool: GivenPool,
    now: GivenNow,
    act: Annotated[str | None, QueryParameter(max_length=80, description="Beginning of an act: `device.`")] = None,
    audit_class: Annotated[str | None, QueryParameter(name="class", max_length=40)] = None,
    actor: Text = None,
    device: FromQuery[uuid.UUID | None] = None,
    outcome: Text = None,
    since: Text = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[Event]:
    """Events, newest first."""
    chosen = Filter(act, audit_class, actor, device, outcome, moment(since, now) if since else None)
    return cut(await read.page(pool, chosen, key(after, int), limit + 1), limit, lambda e: e.position)


@get("/audit/verify", opt=declared("audit.read", "none"))
async def verify_trail(pool: GivenPool, secrets: GivenSecrets, objects: GivenObjects) -> Verdict:
    """Recompute the whole chain and hold the signed heads against it, those in the object store too."""
    return await verify(pool, secrets.audit.public_key(), objects)


@get("/audit/export", opt=declared("audit.read", "lifecycle"), media_type="application/jsonl")
async def export(pool: GivenPool, asker: GivenAsker, now: GivenNow) -> Stream:
    """The whole trail as JSON lines, with its signed heads: `eucora audit verify --file` checks it without us."""
    async with pool.acquire() as tx, tx.transaction():
        await record(tx, now, [by(asker, "audit.exported", "lifecycle")])
    return Stream(read.lines(pool), media_type="application/jsonl")


@get("/audit/key", opt=declared("audit.read", "none"))
async def public_key(secrets: GivenSecrets) -> PublicKey:
    """What an export is verified with."""
    return PublicKey(thumbprint(secrets.audit.public_key()), b64encode(raw_public(secrets.audit)).decode())


ROUTES = (events, verify_trail, export, public_key)
