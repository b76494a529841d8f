"""What the spool keeps, in which order it is sealed, and what becomes of it when a batch is refused or a stream forks."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.eucora_agent.spooling import (
    again,
    batches,
    bodies_of,
    boot,
    digest,
    fill,
    full_disk,
    halves,
    items_of,
    opened,
    place,
    seal_all,
    seal_next,
    signer,
)

from eucora_agent import spool_folder
from eucora_agent.problems import SpoolFull
from eucora_agent.spool_head import AGAIN, Part
from eucora_wire.sequence import Tombstone, format_items


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
    spool = opened(tmp_path)
    assert spool.note("states") == b"one"
    assert spool.note("other") == b""


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


def test_a_spool_of_an_older_agent_is_taken_over(tmp_path: Path) -> None:
    """It had larger pages, and a journal instead of a log."""
    spool = opened(tmp_path)
    kept = fill(spool, 30, 30)
    seal_next(spool, 1)
    was = spool.head
    spool.close()
    (file,) = tmp_path.glob("*.db")
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for pragma in ("journal_mode = DELETE", "page_size = 1024", "journal_mode = TRUNCATE"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("VACUUM")
    (tmp_path / "reserve").unlink()
    spool = opened(tmp_path)
    assert (spool.damaged, spool.head.stream, spool.head.next_ordinal) == (0, was.stream, was.next_ordinal)
    kept += fill(spool, 30)
    seal_all(spool)
    assert [b for e in batches(spool) for b in bodies_of(e)] == kept
    spool.close()
