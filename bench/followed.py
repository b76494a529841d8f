"""Our way of a record, for `bench.stores`: signed batch → journal → archive → server, each stage by itself.

The door's HTTP is left out; all behind it is there: signature, encryption and fsync of the journal, the digest into the
archive, and a follower that is told from a cursor of its own. CPU is this process's, and its PostgreSQL's.
"""

import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from msgspec import Struct
from tests.eucora.line import Line

from bench import processes, signals
from bench.promises import accept
from eucora import clock
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.domains.all import erased
from eucora.journal.signers import SignerCache
from eucora.pipeline.collect import Arrival
from eucora.pipeline.followers import Teller, Telling
from eucora.pipeline.intake import Intake
from eucora.pipeline.validate import Rules
from eucora.stores.ports import Follower, Kind, Parcel, S3Endpoint
from eucora.stores.s3 import S3Objects

GROUP = 64
"""Batches a commit of the journal, as a busy door makes it."""
NO_FILES = S3Endpoint("http://127.0.0.1:9", "", "")
"""All rows are hot: the object store is never asked."""


class Cost(Struct):
    """Seconds by the clock, and of CPU."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def priced(cost: Cost) -> Iterator[None]:
    """Add what the block takes."""
    servers = [pid for pid, name in processes.below(os.getpid()).items() if name == "postgres"]
    theirs, ours, wall = processes.cpu_s(*servers), _cpu_s(), time.perf_counter()
    yield
    cost.wall_s += time.perf_counter() - wall
    cost.cpu_s += _cpu_s() - ours
    cost.cpu_s += processes.cpu_s(*servers) - theirs


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def arrivals(line: Line, kind: Kind, devices: int, batches: int, batch: int) -> list[Arrival]:
    """Signed batches of some devices, a payload a minute; made before anything is measured."""
    found = []
    mine = [await line.enrol() for _ in range(devices)]
    begun = clock.now().replace(microsecond=0) - timedelta(minutes=batches * batch)
    for turn in range(batches):
        for n, device in enumerate(mine):
            at = [begun + timedelta(minutes=turn * batch + m) for m in range(batch)]
            payloads = [signals.payload(kind, device.id, each, turn * batch + m + n * 7) for m, each in enumerate(at)]
            envelope, sent = device.envelope(payloads)
            found.append(Arrival({**envelope.headers, "eucora-sent": sent}, envelope.body, clock.to_ms(clock.now())))
    return found


async def archived(line: Line, arrived: Sequence[Arrival]) -> tuple[Cost, Cost]:
    """Into the journal, then into the archive: what each cost."""
    intake = Intake(line.journal, SignerCache(line.app), Rules(line.installation, 2**25, lambda device, lane: None))
    journal, archive = Cost(), Cost()
    with priced(journal):
        for first in range(0, len(arrived), GROUP):
            await accept(list(arrived[first : first + GROUP]), intake)
    with priced(archive):
        await line.digest()
    return journal, archive


def feed(line: Line, kind: Kind, folder: Path) -> Feed:
    return Feed(line.app, Copies(S3Objects(NO_FILES, "none"), folder, 2**20), kind, partial(erased, line.app))


async def parcels(line: Line, kind: Kind, folder: Path) -> list[Parcel]:
    """All that the archive holds of a kind."""
    reads, at, found = feed(line, kind, folder), dict[tuple[int, int], int](), []
    while (stretch := await reads.after(at, 10_000)).behind:
        found.append(stretch.parcel)
        at |= {place: position for place, (position, _) in stretch.behind.items()}
    return found


async def told(line: Line, follower: Follower, kind: Kind, folder: Path) -> Cost:
    """From the archive to the server, until nothing waits."""
    teller, cost = Teller(Telling(follower, feed(line, kind, folder), line.app, 15.0)), Cost()
    with priced(cost):
        while await teller.turn():
            pass
    await teller.let_go()
    return cost
