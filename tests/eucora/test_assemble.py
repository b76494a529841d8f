"""What the assembled platform does by itself, as settings alone made it."""

from tests.eucora.operators.conftest import Plane, plane

from eucora import assemble
from eucora.domains.audit.heads import read_head
from eucora.journal import founding
from eucora.journal.postgres import PostgresJournal

__all__ = ["plane"]


def platform(plane: Plane) -> assemble.Platform:
    """What the pipeline's role stands on, as far as its jobs ask."""
    house = plane.house
    journal = PostgresJournal(house.pool, house.keyring, epoch=1, shards=2)
    about = founding.Platform(house.installation, 1, 2)
    return assemble.Platform(
        house.settings, house.secrets, house.pool, house.keyring, house.cache, house.objects, journal, about
    )


async def test_the_end_of_the_trail_is_signed_each_minute_into_the_object_store(plane: Plane) -> None:
    jobs = {job.name: job for job in assemble._jobs(platform(plane))}
    assert jobs["audit_head"].every_s == 60
    objects = plane.house.objects
    stored = []
    try:
        for _ in range(2):
            await plane.get("/status")
            await plane.token_for("status.read")
            await jobs["audit_head"].run()
            stored.append(f"audit/heads/{(await plane.get('/status'))['audit_signed']}.json")
        heads = [read_head(await objects.get(name) or b"") for name in stored]
        assert heads[0].position < heads[1].position
        assert {head.installation for head in heads} == {plane.house.installation}
        verdict = await plane.get("/audit/verify")
        assert (verdict["whole"], verdict["heads"]) == (True, 4), "two of the database, two of the object store"
    finally:
        for name in stored:
            await objects.delete(name)


async def test_a_job_that_the_platform_runs_may_be_repeated_at_will(plane: Plane) -> None:
    for job in assemble._jobs(platform(plane)):
        if job.name != "audit_head":
            await job.run()
            await job.run()
