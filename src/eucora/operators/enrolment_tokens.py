"""An enrolment token made by the platform itself, for the agent of its own machine."""

from eucora import clock
from eucora.domains.audit import Act, record
from eucora.operators import credentials
from eucora.slice import Pool


async def create(pool: Pool, made_by: str, uses: int, hours: float, label: str = "") -> str:
    """A token that enrols up to `uses` devices within `hours`; recorded."""
    now = clock.now()
    async with pool.acquire() as connection, connection.transaction():
        made = await credentials.for_enrolment(connection, now, made_by, uses, hours, label)
        act = Act(
            act="enrolment-token.created",
            audit_class="administration",
            actor_kind="platform",
            actor=made_by,
            detail={"token": str(made.token_id), "uses": uses, "expires": made.expires_at.isoformat()},
        )
        await record(connection, now, [act])
    return made.token
