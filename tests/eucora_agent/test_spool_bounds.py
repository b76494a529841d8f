"""In which order the spool lets go when it is full or old, and what it says of what is gone."""

import itertools
import random
import sqlite3
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora_agent.spooling import (
    DAY_MS,
    MOST,
    again,
    batches,
    bodies_of,
    boot,
    fill,
    items_of,
    lost_of,
    opened,
    seal_all,
    seal_next,
    worth_of,
)

from eucora_agent import spool_bounds as bounds
from eucora_agent import spool_file, spool_folder
from eucora_agent.spool_head import Head
from eucora_wire.clock import Boot
from eucora_wire.sequence import MAX_ITEMS, Lost, format_items

HOUR_MS = 3_600_000


def test_the_least_important_goes_first_and_of_that_the_oldest_sealed_or_not(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for rank in (3, 1, 2):
        fill(spool, *[30_000] * 2, rank=rank)
        seal_all(spool, 2)
    fill(spool, 30_000, rank=1)
    steps = [worth_of(spool)]
    for _ in range(26):
        fill(spool, 30_000, rank=3)
        steps.append(worth_of(spool))
    for before, after in itertools.pairwise(steps):
        gone = before - after
        assert not gone or max(gone) < min(after)  # by rank, then by age
    assert {rank for rank, _ in steps[0] - steps[-1]} == {1, 2, 3}


def test_even_the_most_important_goes_when_nothing_else_is_left(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(60):
        fill(spool, 40_000, rank=3)
        seal_all(spool, 1)
        assert spool.folder.bytes() <= MOST
    assert spool.head.shed > 40
    kept = [b for e in batches(spool) for b in bodies_of(e)]
    assert kept
    assert kept[-1].startswith(b"3/60.")


def test_the_bound_holds_on_the_disk_while_it_is_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, peaks = opened(tmp_path), []
    real = spool_file.write

    def measured(db: sqlite3.Connection, steps: object) -> None:
        real(db, [*steps, ("SELECT 1", [()])])  # type: ignore[misc]
        peaks.append(spool.folder.bytes())

    monkeypatch.setattr(spool_folder, "write", measured)
    draw = random.Random(7)
    for _ in range(200):
        fill(spool, draw.choice((200, 5_000, 45_000)), rank=draw.randint(1, 3))
        if draw.random() < 0.3:
            seal_all(spool, draw.randint(1, 9))
    assert max(peaks) <= MOST
    assert spool.head.shed > 0


def test_a_spool_opened_with_a_smaller_bound_shrinks_to_it(tmp_path: Path) -> None:
    spool = opened(tmp_path, most=2**22)
    fill(spool, *[40_000] * 60)
    spool.close()
    spool = opened(tmp_path)
    fill(spool, 100)
    assert spool.folder.bytes() <= MOST


def test_an_item_larger_than_its_share_is_shed_alone(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    kept = fill(spool, 30, rank=1)
    assert spool.append(b"x" * MOST, "a", 3, boot()) == 2
    kept += fill(spool, 30, rank=1)
    seal_all(spool)
    (envelope,) = batches(spool)
    assert format_items(items_of(envelope)) == "1-3;shed=2"
    assert bodies_of(envelope) == kept
    assert spool.head.shed == 1


def test_a_shed_batch_is_named_as_lost_until_one_that_names_it_is_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(3):
        fill(spool, 30)
        seal_all(spool)
    spool._let_go([], [2], "shed")
    assert spool.lost() == (Lost(2, 2, 2, "shed"),)
    fill(spool, 30)
    first_namer = seal_next(spool)
    assert lost_of(batches(spool)[-1]) == (Lost(2, 2, 2, "shed"),)
    assert spool.lost() == ()
    spool._let_go([], [first_namer], "expired")  # type: ignore[list-item] - the namer goes too: both are to be named
    fill(spool, 30)
    seal_all(spool)
    assert lost_of(batches(spool)[-1]) == (Lost(2, 2, 2, "shed"), Lost(4, 4, 4, "expired"))
    for x in spool.sealed():
        spool.settle(x.number)
    fill(spool, 30)
    seal_all(spool)
    assert lost_of(batches(spool)[-1]) == ()


def test_once_the_loss_is_told_nothing_of_it_is_kept(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 30, 30)
    seal_all(spool, 1)
    spool._let_go([], [1], "shed")
    fill(spool, 30)
    seal_all(spool)
    for x in spool.sealed():
        spool.settle(x.number)
    fill(spool, 30)
    assert spool.folder.facts("SELECT * FROM ledger") == []


def test_a_loss_that_was_told_in_a_stream_left_since_is_told_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 30)
    seal_all(spool)
    spool._let_go([], [1], "shed")
    fill(spool, 30)
    (namer,) = seal_all(spool)
    envelope = spool.batch(namer)
    assert envelope is not None
    spool.leave(spool.head.stream)
    spool.seal_again([namer], again(envelope))
    ((numbers, items),) = spool.adrift()
    assert (numbers, format_items(items)) == ([1], "1-1;shed=1")


def test_what_was_set_aside_as_damaged_goes_before_anything_that_can_be_sent(tmp_path: Path) -> None:
    (tmp_path / "00000001.damaged-0a0a0a0a").write_bytes(b"x" * (MOST // 2))
    spool = opened(tmp_path)
    kept = fill(spool, *[30_000] * 12)
    assert not list(tmp_path.glob("*.damaged-*"))
    assert [x.body for x, _ in spool._waiting()] == kept


def test_tombstones_never_make_a_header_that_cant_be_read(tmp_path: Path) -> None:
    spool = opened(tmp_path, most=2**24)
    fill(spool, *[20] * 1000)
    spool._let_go(list(range(1, 1000, 2)), [], "shed")
    seal_all(spool, 1_000)
    found = batches(spool)
    assert max(len(items_of(e).gone) for e in found) == bounds.MOST_RUNS
    assert max(len(e.headers["items"]) for e in found) < 8_000
    assert [n for e in found for n in items_of(e).carried()] == list(range(2, 1001, 2))
    assert found[0].headers["items"].startswith("1-")
    assert max(items_of(e).last - items_of(e).first for e in found) < MAX_ITEMS


def test_age_is_boot_time_that_passed_and_expires_waiting_and_sealed(tmp_path: Path) -> None:
    spool = opened(tmp_path, age_days=1)
    fill(spool, 30)
    seal_all(spool)
    fill(spool, 30, uptime_ms=1_000 + HOUR_MS)
    fill(spool, 30, uptime_ms=1_000 + DAY_MS)
    assert len(spool.sealed()) == 1  # a day old to the millisecond
    fill(spool, 30, uptime_ms=2_000 + DAY_MS)
    assert spool.lost() == (Lost(1, 1, 1, "expired"),)
    fill(spool, 30, uptime_ms=2_000 + DAY_MS + HOUR_MS)
    seal_all(spool)
    assert format_items(items_of(batches(spool)[0])) == "2-5;expired=2"


def test_a_reboot_counts_only_what_has_certainly_passed(tmp_path: Path) -> None:
    spool = opened(tmp_path, age_days=1)
    fill(spool, 30, uptime_ms=100 * DAY_MS)
    other = uuid.uuid4()
    spool.append(b"x", "a", 2, boot(10 * HOUR_MS, other))
    spool.append(b"x", "a", 2, boot(23 * HOUR_MS, other))
    assert spool.depth() == 3
    spool.append(b"x", "a", 2, boot(25 * HOUR_MS, other))
    assert spool.depth() == 3
    spool.append(b"x", "a", 2, boot(1, uuid.uuid4()))
    assert spool.depth() == 4
    spool.append(b"x", "a", 2, boot(24 * HOUR_MS, uuid.uuid4()))
    assert spool.depth() == 2  # what was made in the boot before has lain for this whole boot


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100 * DAY_MS)), max_size=30))
def test_however_clocks_jump_the_spools_own_never_goes_back_nor_ahead_of_what_passed(
    jumps: list[tuple[int, int]],
) -> None:
    """Readings of four boots in any order, back and forth: of a boot, no more passed than its latest reading."""
    head, latest, before = Head(uuid.UUID(int=1)), dict[int, int](), 0
    boots, turns = [uuid.UUID(int=n) for n in range(4)], 0
    last = None
    for which, uptime_ms in jumps:
        turns += which != last
        last = which
        head = head.at(Boot(boots[which], uptime_ms))
        latest[turns] = max(latest.get(turns, 0), uptime_ms)
        assert head.lived_ms >= before
        before = head.lived_ms
        assert head.lived_ms <= sum(latest.values())


def test_a_clock_that_goes_back_and_forth_makes_nothing_older(tmp_path: Path) -> None:
    spool = opened(tmp_path, age_days=1)
    fill(spool, 30)
    for _ in range(50):
        fill(spool, 30, uptime_ms=1_000 + HOUR_MS)
        fill(spool, 30, uptime_ms=1_000)
    assert spool.depth() == 101
    assert [x.ordinal for x, _ in spool._waiting()] == list(range(1, 102))
