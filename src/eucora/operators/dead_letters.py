"""What could not be stored: listed without its content, and digested again."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.operators.house import GivenHouse, Operators
from eucora.pipeline.dead_letters import Letter, LetterKey, by_id, page
from eucora.pipeline.replay import MOST_AT_ONCE
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.paging import After, Limit, Page, cut, key

State = Literal["open", "replayed", "failed", "mended", "all"]


class ReplayRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Ids as the list shows them."""

    ids: Annotated[tuple[uuid.UUID, ...], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class ReplayAnswer(Struct, frozen=True):
    """How many are stored now, failed again, are not there; and why those that failed did."""

    replayed: int
    failed: int
    unknown: int
    reasons: dict[str, str]


@get("/deadletters", opt=declared("deadletters.read", "none"))
async def dead_letters(
    pool: GivenPool,
    in_state: Annotated[State, QueryParameter(name="state")] = "open",
    device: FromQuery[uuid.UUID | None] = None,
    reason: Annotated[str | None, QueryParameter(max_length=60)] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[Letter]:
    """Dead letters, newest first. Their bodies stay sealed."""
    chosen = None if in_state == "all" else in_state
    rows = await page(pool, key(after, LetterKey), limit + 1, state=chosen, device=device, reason=reason)
    return cut(rows, limit, lambda letter: letter.key)


@post("/deadletters/replay", status_code=200, opt=declared("deadletters.replay", "lifecycle"))
async def replay(data: JSONBody[ReplayRequest], house: GivenHouse, asker: GivenAsker, now: GivenNow) -> ReplayAnswer:
    """Digest dead letters again at the place that they had. Doing it twice changes nothing."""
    return await replayed(house, data.ids, asker, now)


async def replayed(house: Operators, ids: Sequence[uuid.UUID], asker: Asker, now: datetime) -> ReplayAnswer:
    """What became of them; the trail has it by then."""
    letters = await by_id(house.pool, ids)
    done = await house.replay([letter.id for letter in letters])
    counts = {"asked": len(ids), "replayed": len(done.replayed), "failed": len(done.failed)}
    devices = tuple(sorted({letter.device for letter in letters}))
    async with house.pool.acquire() as tx, tx.transaction():
        await record(tx, now, [by(asker, "deadletters.replayed", "lifecycle", devices=devices, detail=counts)])
    return ReplayAnswer(
        replayed=len(done.replayed),
        failed=len(done.failed),
        unknown=len(set(ids) - {letter.id for letter in letters}),
        reasons={str(letter): reason for letter, reason in done.failed},
    )


ROUTES = (dead_letters, replay)
