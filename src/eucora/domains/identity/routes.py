"""Persons for operators: erased on request."""

import uuid
from typing import Annotated

from litestar import post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by
from eucora.domains.identity.forget import Forgotten, forget_user
from eucora.journal.keys import Keyring
from eucora.web.declare import declared
from eucora.web.given import Given, GivenAsker, GivenNow, GivenPool
from eucora_wire.fields import NAME


class ForgetRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; it stands in the audit trail."""

    purpose: Annotated[str, Meta(max_length=200, pattern=NAME)] = ""


@post("/subjects/{subject_id:uuid}/forget", status_code=200, opt=declared("subjects.forget", "lifecycle"))
async def forget(
    subject_id: FromPath[uuid.UUID],
    data: JSONBody[ForgetRequest],
    pool: GivenPool,
    keyring: Given[Keyring],
    asker: GivenAsker,
    now: GivenNow,
) -> Forgotten:
    """Erase the person behind a subject id: their keys are destroyed, for ever. Chains and signatures still hold."""
    act = by(asker, "subject.forgotten", "lifecycle", subject=subject_id, purpose=data.purpose)
    return await forget_user(pool, keyring, subject_id, act, now)


ROUTES = (forget,)
