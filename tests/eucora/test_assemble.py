"""What the assembled platform does by itself, as settings alone made it."""

from tests.eucora.operators.conftest import Plane, plane

from eucora import assemble
from eucora.domains.audit.heads import read_head

__all__ = ["plane"]


async def test_the_end_of_the_trail_is_signed_each_minute_into_the_object_store(plane: Plane) -> None:
    jobs = {job.name: job for job in assemble._jobs(plane.house)}  # type: ignore[arg-type]
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
    for job in assemble._jobs(plane.house):  # type: ignore[arg-type]
        if job.name != "audit_head":
            await job.run()
            await job.run()
