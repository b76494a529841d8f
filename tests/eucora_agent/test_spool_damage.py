"""A damaged file costs what lay in it and no more, and nothing torn is sent."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.eucora_agent.spooling import (
    batches,
    bodies_of,
    fill,
    items_of,
    lost_of,
    newest,
    opened,
    place,
    seal_all,
)

from eucora_agent.problems import SpoolFromNewer, SpoolUnusable
from eucora_agent.spool import Spool
from eucora_wire.sequence import LOST, Lost, format_items


def test_a_damaged_item_becomes_a_tombstone_and_the_others_travel(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    bodies = fill(spool, 200, 200, 200)
    spool.close()
    content = newest(tmp_path).read_bytes()
    newest(tmp_path).write_bytes(content.replace(bodies[1], bodies[1][:-1] + b"y"))
    spool = opened(tmp_path)
    seal_all(spool)
    assert format_items(items_of(batches(spool)[0])) == "1-3;corrupt=2"
    assert bodies_of(batches(spool)[0]) == [bodies[0], bodies[2]]


def test_a_damaged_batch_is_not_sent_and_named_as_lost(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    bodies = fill(spool, 200)
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
    with closing(sqlite3.connect(newest(tmp_path), isolation_level=None)) as db:
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


def killed_in_the_middle(folder: Path, to: Path) -> tuple[Spool, list[bytes]]:
    """A spool whose newest file has a log; `to` holds what lies on the disk."""
    spool = opened(folder, most=2**22)
    kept = fill(spool, *[600] * 12)
    seal_all(spool, 3)
    kept += fill(spool, *[600] * 3)
    shutil.copytree(folder, to)
    return spool, kept


def test_damage_within_a_log_is_seen_and_no_number_is_given_twice(tmp_path: Path) -> None:
    """SQLite would take the log up to there, and the spool would be an older one."""
    before, kept = killed_in_the_middle(tmp_path / "a", tmp_path / "b")
    (log,) = (tmp_path / "b").glob("*.db-wal")
    size, seen = log.stat().st_size, 0
    for at in range(1_500, size * 3 // 4, 3_000):
        shutil.rmtree(tmp_path / "b")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        content = bytearray(log.read_bytes())
        content[at] ^= 4
        log.write_bytes(content)
        spool = opened(tmp_path / "b", most=2**22)
        assert spool.damaged == 1
        assert (spool.head.stream != before.head.stream, spool.head.previous) == (True, LOST)
        assert {x.body for x, _ in spool._waiting()} <= set(kept)
        was = {place(e): e for e in batches(before)}
        assert {place(e): e for e in batches(spool)}.items() <= was.items()
        fill(spool, 30)
        seal_all(spool)
        assert place(batches(spool)[-1])[0] == str(spool.head.stream)
        spool.close()
        seen += 1
    assert seen > 5
    before.close()


@pytest.mark.parametrize("seed", range(30))
def test_whatever_bits_flip_after_a_kill_the_spool_opens_and_sends_nothing_twice_or_torn(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    before, kept = killed_in_the_middle(tmp_path / "a", tmp_path / "b")
    before.close()
    for file in (tmp_path / "b").glob("*.db*"):
        content = bytearray(file.read_bytes())
        for _ in range(draw.randint(0, 3)):
            at = draw.randrange(len(content)) if draw.random() < 0.7 else draw.randrange(200)
            content[at] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
    try:
        spool = opened(tmp_path / "b", most=2**22)
    except SpoolFromNewer:  # a bit of the version: an operator must look
        return
    fill(spool, 30)
    seal_all(spool)
    carried = [b for e in batches(spool) for b in bodies_of(e)][:-1]
    assert set(carried) <= set(kept)
    assert len(carried) == len(set(carried))
    spool.close()
