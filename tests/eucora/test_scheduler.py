"""What must happen from time to time goes on, whatever one of its runs met."""

import asyncio

import asyncpg
import pytest

from eucora.problems import TryLater
from eucora.scheduler import Job, keep


@pytest.mark.parametrize(
    "fault", [TryLater(), asyncpg.ConnectionDoesNotExistError("gone"), OSError("away"), TimeoutError()]
)
async def test_a_job_that_meets_a_server_that_is_away_comes_round_again_and_stops_no_other(fault: Exception) -> None:
    ended, runs = asyncio.Event(), {"bad": 0, "good": 0}

    async def bad() -> None:
        runs["bad"] += 1
        raise fault

    async def good() -> None:
        runs["good"] += 1
        if min(runs.values()) >= 3:
            ended.set()

    await keep([Job("bad", 0.01, bad), Job("good", 0.01, good)], ended)
    assert min(runs.values()) >= 3


async def test_all_jobs_run_at_once_and_end_when_told() -> None:
    ended, ran = asyncio.Event(), set()

    async def told(name: str) -> None:
        ran.add(name)
        if len(ran) == 2:
            ended.set()

    jobs = [Job("first", 3600, lambda: told("first")), Job("second", 3600, lambda: told("second"))]
    await asyncio.wait_for(keep(jobs, ended), 5)
    assert ran == {"first", "second"}
