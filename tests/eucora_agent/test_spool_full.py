"""A disk that is full before the spool's own bound is: the least important goes for the more important, and is told."""

import itertools
import random
from pathlib import Path

import pytest
from tests.eucora_agent.powercut import recorded
from tests.eucora_agent.spooling import (
    batches,
    bodies_of,
    boot,
    digest,
    fill,
    items_of,
    lost_of,
    opened,
    seal_all,
    seal_next,
    sealer,
    worth_of,
)

from eucora_agent.problems import SpoolFailing, SpoolFull
from eucora_agent.spool import Spool

ROOM = 900_000
PLENTY = 2**22


def every_ordinal(spool: Spool) -> set[int]:
    """Those that are there, and those whose absence is told, as shed."""
    seal_all(spool)
    told: set[int] = set()
    for envelope in batches(spool):
        items = items_of(envelope)
        told |= set(range(items.first, items.last + 1))
        assert {t.reason for t in items.gone} <= {"shed"}
        for lost in (*lost_of(envelope), *spool.lost()):
            assert lost.reason == "shed"
            told |= set(range(lost.first or 0, (lost.last or 0) + 1))
    return told


def test_on_a_full_disk_the_least_important_goes_first_and_of_that_the_oldest(tmp_path: Path) -> None:
    with recorded(tmp_path, ROOM) as disk:
        spool = opened(tmp_path, most=PLENTY)
        for rank in (3, 1, 4, 2):
            fill(spool, *[20_000] * 3, rank=rank)
            seal_all(spool, 2)
        steps = [worth_of(spool)]
        for _ in range(60):
            fill(spool, 20_000, rank=4)
            steps.append(worth_of(spool))
        for before, after in itertools.pairwise(steps):
            gone = before - after
            assert not gone or max(gone) < min(after)
        assert {rank for rank, _ in set.union(*steps) - steps[-1]} == {1, 2, 3, 4}
        assert spool.head.shed > 20
        disk.room = float("inf")
        assert every_ordinal(spool) == set(range(1, spool.head.next_ordinal))
        spool.close()


def test_what_is_less_important_than_all_that_is_kept_is_shed_itself(tmp_path: Path) -> None:
    with recorded(tmp_path, ROOM) as disk:
        spool = opened(tmp_path, most=PLENTY)
        while spool.head.shed == 0:
            fill(spool, 20_000, rank=4)
        kept, shed, tries = worth_of(spool), spool.head.shed, 30
        fill(spool, *[20_000] * tries, rank=1)
        assert {worth for worth in worth_of(spool) if worth[0] == 4} == kept
        assert spool.head.shed > shed
        disk.room = float("inf")
        assert every_ordinal(spool) == set(range(1, spool.head.next_ordinal))
        spool.close()


def test_with_the_bound_reached_too_what_is_less_important_is_shed_itself(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    while spool.head.shed == 0:
        fill(spool, 20_000, rank=4)
    kept = worth_of(spool)
    fill(spool, *[20_000] * 10, rank=3)
    assert {worth for worth in worth_of(spool) if worth[0] == 4} == kept
    spool.close()


def test_on_a_full_disk_what_waits_is_sealed_sent_and_makes_room(tmp_path: Path) -> None:
    with recorded(tmp_path, ROOM) as disk:
        spool = opened(tmp_path, most=PLENTY)
        while spool.head.shed == 0:
            fill(spool, 5_000, rank=2)
        disk.room = ROOM - disk.free()  # and somebody took what was left
        last = None
        while spool.depth():
            seal_next(spool)
            for sealed in spool.sealed():
                envelope = spool.batch(sealed.number)
                assert envelope is not None
                assert last is None or envelope.headers["previous"] == last
                last = digest(envelope)
                spool.settle(sealed.number)
        fill(spool, *[5_000] * 3, rank=2)
        assert spool.depth() == 3
        spool.close()


@pytest.mark.parametrize("seed", range(4))
def test_wherever_the_disk_runs_full_nothing_is_lost_without_a_word(tmp_path: Path, seed: int) -> None:
    """Room comes and goes while the spool works; a deed that fails changed nothing."""
    draw, settled, failed = random.Random(seed), set[int](), 0
    with recorded(tmp_path, ROOM) as disk:
        spool = opened(tmp_path, most=PLENTY)
        for _ in range(250):
            disk.room = draw.choice((ROOM, ROOM // 2, disk.room - max(0, disk.free()) + draw.choice((0, 900, 9_000))))
            before = spool.head
            try:
                if draw.random() < 0.7:
                    by = sealer if draw.random() < 0.3 else None
                    body = f"{before.next_ordinal}.".encode().ljust(draw.choice((40, 4_000, 12_000)), b"x")
                    spool.append(body, "a", draw.randint(1, 4), boot(), sealer=by)
                else:
                    seal_next(spool)
                    for sealed in spool.sealed()[: draw.randint(0, 2)]:
                        envelope = spool.batch(sealed.number)
                        assert envelope is not None
                        spans = [(sealed.first, sealed.last), *((x.first, x.last) for x in lost_of(envelope))]
                        settled |= {n for first, last in spans for n in range(first or 0, (last or 0) + 1)}
                        spool.settle(sealed.number)
            except SpoolFull:
                failed += 1
                assert spool.head.next_ordinal == before.next_ordinal
        assert spool.head.shed
        disk.room = float("inf")
        spool.folder.close()
        spool = opened(tmp_path, most=PLENTY)
        assert spool.damaged == 0
        fill(spool, 30)
        assert every_ordinal(spool) | settled == set(range(1, spool.head.next_ordinal))
        carried = [b for e in batches(spool) for b in bodies_of(e)]
        assert len(carried) == len(set(carried))
        spool.close()


def test_a_disk_that_fails_costs_nothing_that_is_kept(tmp_path: Path) -> None:
    """Letting go of old data does not mend a broken disk."""
    with recorded(tmp_path) as disk:
        spool = opened(tmp_path)
        kept = fill(spool, *[3_000] * 5)
        disk.fails = True
        with pytest.raises(SpoolFailing, match="look at the disk"):
            fill(spool, 3_000, rank=4)
        disk.fails = False
        assert [x.body for x, _ in spool._waiting()] == kept
        fill(spool, 30)
        spool.close()
