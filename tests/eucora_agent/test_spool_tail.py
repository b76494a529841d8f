"""What is settled stays for a while: sent again when the platform was set back, and gone before anything else goes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.eucora_agent.spooling import boot, fill, opened, seal_all, seal_next

from eucora_agent import spool_tail
from eucora_agent.spool import Spool
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import Lost


def settle(spool: Spool) -> None:
    number = seal_next(spool)
    assert number is not None
    spool.settle(number)


def test_what_the_platform_misses_is_sent_again_though_it_was_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(4):
        fill(spool, 30)
        seal_all(spool)
    was = [spool.batch(number) for number in (1, 2)]
    spool.settle(1)
    spool.settle(2)
    fill(spool, 30)  # the settlements are on disk: the platform was restored to a time before
    assert spool.helping((1, 2, 3)) == [1, 2, 3]
    assert [spool.batch(number) for number in (1, 2)] == was
    assert spool.sent_before == {1, 2}
    assert spool.helping((1_000,)) == []  # never sealed: nothing to say of it


def test_what_the_platform_misses_and_nobody_has_is_named_as_lost(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(4):
        fill(spool, 30)
        seal_all(spool)
    spool.settle(1)
    spool.settle(2)
    assert spool._forget_tail()
    assert spool.helping((1, 2, 3)) == [3]
    assert spool.lost() == (Lost(1, None, None, "expired"), Lost(2, None, None, "expired"))
    fill(spool, 30)
    namer = seal_next(spool)
    assert spool.helping((1, 2, 3)) == [3, namer]


def test_another_epoch_brings_back_what_older_streams_had_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.heard(1)
    fill(spool, 30)
    seal_all(spool)
    spool.settle(1)
    spool.leave(spool.head.stream)
    fill(spool, 30)
    seal_all(spool)
    spool.settle(2)
    spool.heard(1)
    assert spool.sealed() == []
    spool.heard(2)
    assert [sealed.number for sealed in spool.sealed()] == [1]  # of the present stream an answer says what it lacks
    spool.close()
    spool = opened(tmp_path)
    assert (spool.head.epoch, len(spool.sealed())) == (2, 1)


def test_the_tail_goes_before_anything_that_was_not_sent(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    kept = 0
    while spool.head.shed == 0:
        fill(spool, 20_000)
        number = seal_next(spool)
        if number <= 12:
            spool.settle(number)
        else:
            kept = max(kept, len(spool.sealed()))
    assert spool_tail.files(spool.folder) == []
    assert kept > 20  # as many as ever fit


def test_the_tail_is_bounded_in_bytes_and_in_age(tmp_path: Path) -> None:
    spool = opened(tmp_path, most=2**24, keeps=spool_tail.Tail(3_600_000, 2**21))
    for n in range(200):
        fill(spool, 30_000, uptime_ms=1_000 + n * 1_000)
        settle(spool)
    fill(spool, 30)
    kept = sum(spool.folder.size(n) for n in spool_tail.files(spool.folder))
    assert 2**20 < kept <= 2**21
    assert spool.sealed() == []
    fill(spool, 30, uptime_ms=5_000_000)
    settle(spool)
    fill(spool, 30, uptime_ms=5_000_000)
    assert spool_tail.files(spool.folder) == []


@settings(max_examples=60, deadline=None)
@given(did=st.lists(st.sampled_from(["append", "settle", "open", "age", "full"]), min_size=1, max_size=60))
def test_whatever_happened_each_sequence_is_sent_again_as_it_was_or_named_as_lost(
    tmp_path_factory: pytest.TempPathFactory, did: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, sealed, uptime = opened(folder), dict[int, Envelope | None](), 1_000
    for what in did:
        if what == "append":
            fill(spool, 40_000, uptime_ms=uptime)
            number = seal_next(spool)
            sealed[spool.head.sequence] = spool.batch(number) if number is not None else None
        elif what == "settle":
            for each in spool.sealed()[:2]:
                spool.settle(each.number)
        elif what == "open":
            spool.close()
            spool = opened(folder, at=boot(uptime))
        elif what == "full":
            spool._forget_tail()
        else:
            uptime += 3_600_000
    spool.send_again(spool.head.stream, [(1, max(sealed, default=1))])
    found = {each.sequence: spool.batch(each.number) for each in spool.sealed()}
    assert found.items() <= sealed.items()
    assert found.keys() | {lost.sequence for lost in spool.lost()} == sealed.keys()
    spool.close()
