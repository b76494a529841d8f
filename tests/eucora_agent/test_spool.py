"""What the spool keeps, in which order it lets go, and what it says of what is gone."""

import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from tests.eucora_agent.spooling import (
    DAY_MS,
    MOST,
    again,
    bodies_of,
    boot,
    digest,
    halves,
    items_of,
    lost_of,
    opened,
    place,
    seal_all,
    seal_next,
    signer,
)

from eucora_agent import spool as spool_module
from eucora_agent import spool_bounds as bounds
from eucora_agent import spool_file, spool_folder
from eucora_agent.problems import SpoolFromNewer, SpoolFull, SpoolUnusable
from eucora_agent.spool import Spool
from eucora_agent.spool_head import AGAIN, Part
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import LOST, MAX_ITEMS, Lost, Tombstone, format_items

HOUR_MS = 3_600_000


def fill(spool: Spool, *sizes: int, rank: int = 2, mark: str = "a", uptime_ms: int = 1_000) -> list[bytes]:
    bodies = [f"{rank}/{spool.head.next_ordinal + n}.".encode().ljust(size, b"x") for n, size in enumerate(sizes)]
    for body in bodies:
        spool.append(body, mark, rank, boot(uptime_ms))
    return bodies


def batches(spool: Spool) -> list[Envelope]:
    found = [spool.batch(x.number) for x in spool.sealed()]
    return [e for e in found if e is not None]


def worth_of(spool: Spool) -> set[tuple[int, int]]:
    """(rank, ordinal) of each batch and each waiting item, as `fill` wrote them."""
    first = [bodies_of(e)[0] for e in batches(spool)] + [x.body for x, _ in spool._waiting()]
    return {(int(b[:1]), int(b[2:].partition(b".")[0])) for b in first}


def newest(folder: Path) -> Path:
    return max(folder.glob("*.db"))


# --- keeping


def test_items_are_sealed_in_order_and_a_batch_is_of_one_mark(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    first, second = fill(spool, 30, 30, mark="mia"), fill(spool, 30, mark="ada")
    third = fill(spool, 30, mark="mia")
    seal_all(spool)
    assert [bodies_of(e) for e in batches(spool)] == [first, second, third]
    assert [format_items(items_of(e)) for e in batches(spool)] == ["1-2", "3-3", "4-4"]


def test_a_batch_holds_no_more_than_it_may(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, *[30] * 25)
    seal_all(spool, 10)
    assert [len(bodies_of(e)) for e in batches(spool)] == [10, 10, 5]
    heavy = opened(tmp_path / "heavy")
    fill(heavy, *[30_000] * 5)
    seal_all(heavy, 10)
    assert [len(bodies_of(e)) for e in batches(heavy)] == [2, 2, 1]


def test_a_sealed_batch_is_the_same_bytes_until_it_is_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 30)
    number = seal_next(spool)
    assert number is not None
    before = spool.batch(number)
    spool.close()
    spool = opened(tmp_path)
    assert spool.batch(number) == before
    spool.settle(number)
    assert spool.sealed() == []
    spool.close()
    assert opened(tmp_path).sealed() == []


def test_a_settlement_that_was_not_written_costs_one_more_sending(tmp_path: Path) -> None:
    spool = opened(tmp_path / "a")
    fill(spool, 30)
    number = seal_next(spool)
    assert number is not None
    spool.settle(number)
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # killed here
    assert [x.number for x in opened(tmp_path / "b").sealed()] == [number]
    fill(spool, 30)  # the next transaction takes it along
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    assert opened(tmp_path / "c").sealed() == []


def test_what_is_to_be_remembered_is_kept_with_the_item_or_not_at_all(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"1", "a", 2, boot(), {"states": b"one"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_folder, "write", full_disk)
        with pytest.raises(SpoolFull):
            spool.append(b"2", "a", 2, boot(), {"states": b"two"})
    assert spool.note("states") == b"one"
    fill(spool, *[40_000] * 12)  # over several files
    spool.close()
    assert opened(tmp_path).note("states") == b"one"
    assert opened(tmp_path).note("other") == b""


def test_the_queue_counts_what_waits_and_what_is_not_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, *[30] * 5)
    number = seal_next(spool, 3)
    assert (spool.depth(), number) == (5, 1)
    spool.settle(1)
    assert spool.depth() == 2


def test_waiting_items_are_read_once_whatever_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old spool compared each waiting item with each before it."""
    spool = opened(tmp_path, most=2**26)
    fill(spool, *[30] * 400)
    read = []
    real = spool._waiting
    monkeypatch.setattr(spool, "_waiting", lambda: (read.append(x) or x for x in real()))
    assert spool.pending(100) is not None
    assert len(read) == 101


# --- letting go


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
    monkeypatch.setattr(spool_module, "write", measured)
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


# --- time


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


# --- refusals and forks


def test_a_batch_too_large_is_sealed_again_in_halves_under_its_old_ordinals(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    bodies = fill(spool, *[30] * 5)
    spool._let_go([3], [], "shed")
    number = seal_next(spool)
    assert number is not None
    refused = spool.batch(number)
    assert refused is not None
    spool.seal_again([number], halves(refused))
    first, second = batches(spool)
    assert [format_items(items_of(e)) for e in (first, second)] == ["1-3;shed=3", "4-5"]
    assert [*bodies_of(first), *bodies_of(second)] == [bodies[0], bodies[1], bodies[3], bodies[4]]
    assert {first.headers["voids"], second.headers["voids"]} == {"1"}
    assert [place(e)[1] for e in (first, second)] == [2, 3]
    assert second.headers["previous"] == digest(first)
    assert spool.batch(number) is None


def test_a_fork_leaves_the_stream_and_takes_everything_along(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    kept = fill(spool, 30, 30, mark="mia")
    seal_all(spool, 1)
    spool._let_go([], [1], "shed")
    kept += fill(spool, 30, mark="ada")
    last, stream = digest(batches(spool)[-1]), spool.head.stream
    spool.leave(stream)
    assert spool.sealed() == []
    (left,) = spool.sealed(AGAIN)
    envelope = spool.batch(left.number)
    assert envelope is not None
    spool.close()
    spool = opened(tmp_path)  # and a crash in between changes nothing
    spool.seal_again([left.number], again(envelope))
    ((numbers, items),) = spool.adrift()
    assert items.gone == (Tombstone(1, 1, "shed"),)
    spool.seal_again(numbers, [Part(items, signer(items, ()))])
    seal_all(spool)
    found = batches(spool)
    assert {place(e)[0] for e in found} == {str(spool.head.stream)} != {str(stream)}
    assert [format_items(items_of(e)) for e in found] == ["2-2", "1-1;shed=1", "3-3"]
    assert [b for e in found for b in bodies_of(e)] == kept[1:]
    assert found[0].headers["previous"] == last


def test_another_identity_begins_a_stream_of_its_own_and_remembers_nothing(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    assert not spool.own("here/a")
    spool.append(b"1", "a", 2, boot(), {"facts": b"old"})
    seal_all(spool)
    stream = spool.head.stream
    assert not spool.own("here/a")
    assert spool.own("here/b")
    assert spool.head.stream != stream
    assert spool.note("facts") == b""
    assert len(spool.sealed(AGAIN)) == 1


def test_what_the_platform_misses_is_found_or_named_as_lost(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(4):
        fill(spool, 30)
        seal_all(spool)
    spool.settle(1)
    spool.settle(2)
    fill(spool, 30)  # the settlements are on disk: the platform was restored to a time before
    assert spool.helping((1, 2, 3)) == [3]
    assert spool.lost() == (Lost(1, None, None, "corrupt"), Lost(2, None, None, "corrupt"))
    namer = seal_next(spool)
    assert spool.helping((1, 2, 3)) == [3, namer]
    assert spool.helping((1_000,)) == []  # never sealed: nothing to say of it


# --- damage


def test_a_damaged_item_becomes_a_tombstone_and_the_others_travel(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    bodies = fill(spool, 500, 500, 500)
    spool.close()
    content = newest(tmp_path).read_bytes()
    newest(tmp_path).write_bytes(content.replace(bodies[1], bodies[1][:-1] + b"y"))
    spool = opened(tmp_path)
    seal_all(spool)
    assert format_items(items_of(batches(spool)[0])) == "1-3;corrupt=2"
    assert bodies_of(batches(spool)[0]) == [bodies[0], bodies[2]]


def test_a_damaged_batch_is_not_sent_and_named_as_lost(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    bodies = fill(spool, 500)
    seal_all(spool)
    fill(spool, 30)
    seal_all(spool)
    spool.close()
    content = newest(tmp_path).read_bytes()
    newest(tmp_path).write_bytes(content.replace(bodies[0], bodies[0][:-1] + b"y"))
    spool = opened(tmp_path)
    assert spool.batch(1) is None
    assert [x.number for x in spool.sealed()] == [2]
    assert spool.lost() == (Lost(1, 1, 1, "corrupt"),)


def several_files(folder: Path) -> tuple[Spool, list[bytes]]:
    spool = opened(folder)
    kept = fill(spool, *[30_000] * 3)
    seal_all(spool, 1)
    kept += fill(spool, *[30_000] * 5)
    assert len(list(folder.glob("*.db"))) >= 3
    return spool, kept


def test_a_damaged_older_file_costs_what_lay_in_it_and_the_stream_goes_on(tmp_path: Path) -> None:
    spool, kept = several_files(tmp_path)
    stream = spool.head.stream
    spool.close()
    min(tmp_path.glob("*.db")).write_bytes(b"\xa5" * 9_000)
    spool = opened(tmp_path)
    assert (spool.head.stream, spool.damaged) == (stream, 1)
    lost = spool.lost()
    assert lost
    assert {x.reason for x in lost} == {"corrupt"}
    seal_all(spool)
    assert lost_of(batches(spool)[-1]) == () or lost_of(batches(spool)[-1]) == lost
    carried = [b for e in batches(spool) for b in bodies_of(e)]
    assert carried == kept[len(kept) - len(carried) :]
    spool.close()
    assert opened(tmp_path).damaged == 0  # told once


def test_a_damaged_newest_file_begins_a_new_stream_that_takes_the_rest_along(tmp_path: Path) -> None:
    spool, kept = several_files(tmp_path)
    before = {place(e): e for e in batches(spool)}
    there = [x.body for x, _ in spool._waiting()]
    stream = spool.head.stream
    spool.close()
    newest(tmp_path).write_bytes(b"\xa5" * 9_000)
    spool = opened(tmp_path)
    assert spool.head.stream != stream
    assert (spool.head.previous, spool.head.sequence) == (LOST, 0)
    old = {place(e): e for e in batches(spool)}
    assert old
    assert old.items() <= before.items()  # sealed batches are sent as they were, in the stream that they are of
    left = [x.body for x, _ in spool._waiting()]
    assert left == there[: len(left)] != []
    seal_all(spool)
    first = next(e for e in batches(spool) if place(e)[0] == str(spool.head.stream))
    assert (first.headers["previous"], place(first)[1]) == (LOST, 1)
    assert kept[0] in [b for e in batches(spool) for b in bodies_of(e)]


def test_an_older_head_is_never_taken_for_the_true_one(tmp_path: Path) -> None:
    """An emptied newest file must not bring back the sequence numbers of the file before."""
    spool, _ = several_files(tmp_path)
    stream = spool.head.stream
    spool.close()
    newest(tmp_path).write_bytes(b"")
    spool = opened(tmp_path)
    assert (spool.head.stream == stream, spool.head.previous) == (False, LOST)


def test_all_files_damaged_or_gone_begin_anew(tmp_path: Path) -> None:
    spool, _ = several_files(tmp_path)
    spool.close()
    for file in tmp_path.glob("*.db"):
        file.write_bytes(b"no database")
    spool = opened(tmp_path)
    assert (spool.depth(), spool.head.previous, spool.head.sequence) == (0, LOST, 0)
    fill(spool, 30)
    assert len(seal_all(spool)) == 1


@pytest.mark.parametrize("seed", range(40))
def test_whatever_bits_flip_the_spool_opens_and_sends_nothing_twice_or_torn(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    spool, kept = several_files(tmp_path)
    spool.close()
    for file in tmp_path.glob("*.db"):
        content = bytearray(file.read_bytes())
        for _ in range(draw.randint(0, 3)):
            at = draw.randrange(len(content)) if draw.random() < 0.7 else draw.randrange(200)
            content[at] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
    try:
        spool = opened(tmp_path)
    except SpoolFromNewer:  # a bit of the version: an operator must look
        return
    seal_all(spool)
    carried = [b for e in batches(spool) for b in bodies_of(e)]
    assert set(carried) <= set(kept)
    assert len(carried) == len(set(carried))
    fill(spool, 30)


def test_a_file_whose_tables_are_not_ours_is_damaged(tmp_path: Path) -> None:
    opened(tmp_path).close()
    content = newest(tmp_path).read_bytes()
    newest(tmp_path).write_bytes(content.replace(b"last INTEGER NOT NULL, reason", b"lost INTEGER NOT NULL, reason"))
    assert opened(tmp_path).damaged == 1


def test_a_file_of_a_newer_agent_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(newest(tmp_path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(SpoolFromNewer):
        opened(tmp_path)
    assert len(list(tmp_path.glob("*.db"))) == 1


def test_a_file_that_another_program_holds_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).close()
    other = sqlite3.connect(newest(tmp_path), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "timeout": 0.05}))
    with pytest.raises(SpoolUnusable, match="locked"):
        opened(tmp_path)
    other.close()
    assert opened(tmp_path).damaged == 0


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("mine")
    spool = opened(tmp_path)
    fill(spool, 30)
    assert (tmp_path / "notes.db").read_text() == "mine"


# --- a full disk


def full_disk(db: sqlite3.Connection, steps: object) -> None:
    """As COMMIT answers when the disk is full."""
    raise SpoolFull


@pytest.mark.parametrize("what", ["append", "seal", "halves", "leave"])
def test_a_write_that_fails_changes_nothing_in_memory(tmp_path: Path, what: str) -> None:
    spool = opened(tmp_path)
    fill(spool, 30, 30)
    seal_all(spool)
    fill(spool, 30)
    head, sealed, waiting = spool.head, spool.sealed(), list(spool._waiting())
    envelope = batches(spool)[0]
    acts = {
        "append": lambda: fill(spool, 30),
        "seal": lambda: seal_all(spool),
        "halves": lambda: spool.seal_again([1], halves(envelope)),
        "leave": lambda: spool.leave(spool.head.stream),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_folder, "write", full_disk)
        with pytest.raises(SpoolFull):
            acts[what]()
    assert (spool.head, spool.sealed(), list(spool._waiting())) == (head, sealed, waiting)
    acts[what]()
    spool.close()
    spool = opened(tmp_path)
    assert [x.ordinal for x, _ in spool._waiting()] == {"append": [3, 4], "seal": []}.get(what, [3])


FULL = """
import resource, sys
from pathlib import Path
from tests.eucora_agent.spooling import boot, opened, seal_all
from eucora_agent.problems import SpoolFull
spool = opened(Path(sys.argv[1]), most=2**26)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
kept = failed = 0
for n in range(400):
    try:
        spool.append(f"{n}.".encode().ljust(3000, b"x"), "a", 2, boot())
        kept += 1
        print(n, flush=True)
        if n % 7 == 0:
            seal_all(spool, 5)
    except SpoolFull:
        failed += 1
print("full" if failed else "never full", flush=True)
"""


def test_a_disk_that_takes_no_more_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    """The limit of a file's size is met by SQLite as a full disk: in the middle of writing journal or file."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "spool"), "300000"], capture_output=True, text=True, check=True
    )
    *kept, last = done.stdout.split("\n")[:-1]
    assert last == "full"
    spool = opened(tmp_path / "spool", most=2**26)
    assert spool.damaged == 0
    fill(spool, 30)
    seal_all(spool)
    carried = [b.partition(b".")[0].decode() for e in batches(spool) for b in bodies_of(e)]
    assert carried[:-1] == kept


# --- kill -9

WORKER = """
import sys
from pathlib import Path
from tests.eucora_agent.spooling import boot, opened, seal_next
spool = opened(Path(sys.argv[1]))
print("open", spool.head.next_ordinal, flush=True)
for n in range(10**6):
    ordinal = spool.append(f"{spool.head.next_ordinal}.".encode().ljust(900, b"x"), "a", 2, boot())
    print(ordinal, flush=True)
    if n % 3 == 0:
        seal_next(spool, 5)
    if n % 5 == 0 and spool.sealed():
        spool.settle(spool.sealed()[0].number)
"""


def test_nothing_that_append_returned_for_is_gone_after_kill_9(tmp_path: Path) -> None:
    draw, told = random.Random(3), 0
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "spool")], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        first = int(child.stdout.readline().split()[1])
        assert first > told
        for _ in range(draw.randint(1, 40)):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        child.wait()
        child.stdout.close()
        spool = opened(tmp_path / "spool")
        assert spool.damaged == 0
        assert spool.head.next_ordinal in (told + 1, told + 2)  # one more may be kept than could be told
        found = [x.ordinal for x, _ in spool._waiting()]
        assert found == list(range(spool.head.sealed_to + 1, spool.head.next_ordinal))
        ranges = [(x.first, x.last) for x in spool.sealed()]
        assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(ranges))
        spool.close()


def test_every_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    spool = opened(tmp_path)
    for db in spool.folder.files.values():
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)


def test_only_the_owner_may_read_the_spool(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    fill(spool, 30)
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_a_folder_that_cant_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    opened(tmp_path).close()
    newest(tmp_path).chmod(0o400)
    if os.geteuid() != 0:
        with pytest.raises(SpoolUnusable, match="the agent's own"):
            fill(opened(tmp_path), 30)
    else:  # nothing is closed to root: a file system that is read-only is
        spool = opened(tmp_path)
        spool.folder.files[spool.folder.newest].execute("PRAGMA query_only = on")
        with pytest.raises(SpoolUnusable, match="the agent's own"):
            fill(spool, 30)
