"""What must happen from time to time: partitions made ahead, windows closed, the audit trail's head signed.

Each job may run in several processes at once and be repeated at will; one that fails is logged and comes round again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from eucora.problems import EucoraError
from eucora.stores.postgres import translated

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """`run` each `every_s` seconds, first at once."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


async def keep(jobs: Sequence[Job], ended: asyncio.Event) -> None:
    """Run all jobs until `ended` is set."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_keep_one(job, ended))


async def _keep_one(job: Job, ended: asyncio.Event) -> None:
    while not ended.is_set():
        try:
            with translated():
                await job.run()
        except (EucoraError, OSError) as exc:
            log.warning("job_failed", job=job.name, reason=type(exc).__name__)
        try:
            await asyncio.wait_for(ended.wait(), job.every_s)
        except TimeoutError:
            continue
