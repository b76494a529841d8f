"""Erasure on request: a device, or an interval of it; and how each erasure stands in every store."""

import uuid
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by
from eucora.governance.erasure import Erasure, erase, erasures, one
from eucora.operators.house import GivenHouse
from eucora.problems import Refused
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow
from eucora.web.moments import moment
from eucora.web.paging import After, Limit, Page, cut, key
from eucora_wire.fields import NAME

Moment = Annotated[str, Meta(max_length=40)]


class EraseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Neither `since` nor `until`: all of the device, which is turned away for good. `purpose` stands in the audit trail."""

    device: uuid.UUID
    purpose: Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
    since: Moment | None = None
    until: Moment | None = None


@post("/erasures", status_code=202, opt=declared("devices.erase", "lifecycle"))
async def ask(data: JSONBody[EraseRequest], house: GivenHouse, asker: GivenAsker, now: GivenNow) -> Erasure:
    """Erase it: hidden at once; the answer says when it is gone from each store. It can't be undone."""
    since, until = (None if text is None else moment(text, now) for text in (data.since, data.until))
    act = by(asker, "device.erased", "lifecycle", purpose=data.purpose)
    return await erase(house.eraser, data.device, since, until, act, now)


@get("/erasures", opt=declared("devices.read", "none"))
async def listed(house: GivenHouse, now: GivenNow, after: After = None, limit: Limit = 100) -> Page[Erasure]:
    """What was asked to be erased, of devices and of persons, newest first."""
    found = await erasures(house.eraser, now, key(after, int), limit + 1)
    return cut(found, limit, lambda each: each.number)


@get("/erasures/{number:int}", opt=declared("devices.read", "none"))
async def shown(number: FromPath[int], house: GivenHouse, now: GivenNow) -> Erasure:
    """One erasure: where it is gone already, and where it will be when."""
    found = await one(house.eraser, number, now) if number < 2**63 else None
    if found is None:
        raise Refused("unknown", "there is no such erasure")
    return found


ROUTES = (ask, listed, shown)
