"""What each promise costs: `python -m bench.promises`. The line without its door, on a PostgreSQL of its own.

Groups of batches go through check and commit, once with all promises and once with one of them left out, turn by turn
in one run, so that the ratio holds on a noisy machine though the figures do not. Nothing here can be set in a platform.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import uvloop
from tests.eucora.line import Device, Line, close_line, open_line

from bench.fleet import sample
from eucora.batch import Checked
from eucora.embedded.start import start_embedded
from eucora.journal.signers import SignerCache
from eucora.migrations.migrate import migrate
from eucora.pipeline import flow
from eucora.pipeline.collect import Arrival
from eucora.pipeline.intake import Intake
from eucora.pipeline.validate import Rules

Without = Callable[[Line], AbstractContextManager[object]]


def _yes(*_: object) -> bool:
    return True


def _nothing(*_: object) -> None:
    return None


def _in_clear(key: object, plain: bytes, about: bytes) -> bytes:
    return plain


@contextmanager
def without_fsync(line: Line) -> Iterator[None]:
    """A commit that does not wait for the disk."""
    line.journal._fsync = False
    try:
        yield
    finally:
        line.journal._fsync = True


PROMISES: Mapping[str, Without] = {
    "all": lambda _: nullcontext(),
    "signature": lambda _: mock.patch("eucora.pipeline.validate._holds", _yes),
    "digest": lambda _: mock.patch("eucora.pipeline.validate.digest_matches", _yes),
    "schema": lambda _: mock.patch("eucora.pipeline.validate.judge", _nothing),
    "encryption": lambda _: mock.patch("eucora.sealing.seal", _in_clear),
    "fsync": without_fsync,
}
"""By name: how it is left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=1, help="payloads a batch")
    parser.add_argument("--group", type=int, default=128, help="batches a commit")
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="eucora-"))
    server = start_embedded(folder / "data", frozenset({"postgres"}), lambda name, what: None)
    try:
        asyncio.run(migrate(server.postgres_owner_url))
        urls = server.postgres_url, server.postgres_keys_url
        report = uvloop.run(price(urls, folder, given.batch, given.group, given.rounds))
    finally:
        server.stop()
        shutil.rmtree(folder)
    json.dump({"batch": given.batch, "group": given.group, "us_a_batch": report}, sys.stdout, indent=2)
    print()


async def price(
    urls: tuple[str, str], folder: Path, batch: int, group: int, rounds: int
) -> dict[str, dict[str, float]]:
    """By promise left out: wall time a batch in µs, and how many times that of all promises it is."""
    line = await open_line(*urls, folder / "secrets", shards=8)
    devices = [await line.enrol() for _ in range(group)]
    intake = Intake(line.journal, SignerCache(line.app), Rules(line.installation, 2**25, lambda device, lane: None))
    took: dict[str, list[float]] = {name: [] for name in PROMISES}
    for turn in range(rounds + 3):
        for name, without in PROMISES.items():
            arrivals = [arrival(device, batch, turn) for device in devices]
            with without(line):
                began = time.perf_counter()
                await accept(arrivals, intake)
                if turn >= 3:  # the first turns warm caches and plans
                    took[name].append((time.perf_counter() - began) / group * 1e6)
    await close_line(line)
    medians = {name: statistics.median(times) for name, times in took.items()}
    return {
        ("all promises" if name == "all" else f"without {name}"): {
            "us": round(median, 1),
            "ratio": round(median / medians["all"], 3),
        }
        for name, median in medians.items()
    }


def arrival(device: Device, batch: int, salt: int) -> Arrival:
    """The next batch of a device, as a door receives it."""
    envelope, sent = device.envelope([sample(device.id, salt + n) for n in range(batch)])
    return Arrival({**envelope.headers, "eucora-sent": sent}, envelope.body, time.time_ns() // 1_000_000)


async def accept(arrivals: list[Arrival], intake: Intake) -> None:
    """One group, as the door's own makes it. Raises AssertionError when a batch is not appended."""
    checked = [each for each in await flow.check(arrivals, intake) if isinstance(each, Checked)]
    taken = await flow.commit(checked, intake)
    assert len(taken) == len(arrivals)
    assert all(each.appended.outcome == "appended" for each in taken)


if __name__ == "__main__":
    main()
