"""A real file system that is full: a small one in memory, mounted for the test. Only root may, so the live suite does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.eucora_agent.spooling import batches, bodies_of, fill, items_of, lost_of, opened, seal_all, seal_next
from tests.faults.disk import small_disk

SIZE_MIB = 6
BOUND = 2**23


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", SIZE_MIB) as folder:
        yield folder


def test_a_full_file_system_costs_the_least_important_and_each_loss_is_told(small: Path) -> None:
    spool, other = opened(small / "spool", most=BOUND), small / "somebody else's"
    kept = {rank: fill(spool, *[20_000] * 20, rank=rank) for rank in (4, 3, 2, 1)}
    seal_next(spool, 10)
    taken = 0
    with other.open("wb", buffering=0) as file:
        while True:
            try:
                taken += file.write(b"x" * 4_096)
            except OSError:
                break
    assert taken > 0
    for _ in range(60):
        fill(spool, 20_000, rank=4)
    assert spool.head.shed > 20
    there = {x.body for x, _ in spool._waiting()} | {b for e in batches(spool) for b in bodies_of(e)}
    lost = {rank: len(set(bodies) - there) for rank, bodies in kept.items()}
    assert lost[1] == 20
    assert (lost[1], lost[2], lost[3], lost[4]) == tuple(sorted(lost.values(), reverse=True))
    other.unlink()
    spool.close()
    spool = opened(small / "spool", most=BOUND)
    assert spool.damaged == 0
    fill(spool, 30)
    seal_all(spool, 50)
    told = {n for e in batches(spool) for n in range(items_of(e).first, items_of(e).last + 1)}
    told |= {n for e in batches(spool) for x in lost_of(e) for n in range(x.first or 0, (x.last or 0) + 1)}
    assert told == set(range(1, spool.head.next_ordinal))
    assert {t.reason for e in batches(spool) for t in items_of(e).gone} == {"shed"}
    spool.close()


def test_what_was_kept_is_sent_from_a_file_system_without_a_free_byte(small: Path) -> None:
    spool = opened(small / "spool", most=BOUND)
    bodies = fill(spool, *[20_000] * 30, rank=3)
    with (small / "somebody else's").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4_096)
            except OSError:
                break
    sent: list[bytes] = []
    while spool.depth():
        seal_next(spool, 5)
        for sealed in spool.sealed():
            envelope = spool.batch(sealed.number)
            assert envelope is not None
            sent += bodies_of(envelope)
            spool.settle(sealed.number)
    assert sent == bodies
    assert spool.head.shed == 0
    spool.close()
