"""A batch is sent until it is settled, by nothing but a 200 or a refusal that consumes it; in between the agent waits."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora_agent.h2server import Asked, Server, Told, running
from tests.eucora_agent.spooling import BOOT, boot, halves, opened, seal_all

from eucora_agent.batching import LEAST, MOST
from eucora_agent.http2 import Connection, tls
from eucora_agent.moment import Moment
from eucora_agent.send import Sender, wait_s
from eucora_agent.spool import Spool
from eucora_agent.spool_head import Sealed
from eucora_wire.answer import Answer, Next, Receipt
from eucora_wire.clock import Boot, parse_sent
from eucora_wire.dictionary import PLAIN, newest
from eucora_wire.envelope import Envelope
from eucora_wire.problems import REGISTRY, document

AT = Moment(Boot(BOOT, 50_000), 1_795_500_000_000)


def taken(**told: Any) -> Told:
    return Told(200, msgspec.json.encode(Answer("appended", 1, 1, next=Next(**told))))


def stands(epoch: int, lacks: tuple[tuple[int, int], ...] = ()) -> Told:
    receipt = Receipt(epoch, 0, "live", 1, datetime(2026, 11, 27, tzinfo=UTC))
    return Told(200, msgspec.json.encode(Answer("appended", 1, 1, receipt=receipt, lacks=lacks)))


def refused(slug: str, **more: Any) -> Told:
    found = document(slug, **more)
    return Told(found.status, msgspec.json.encode(found), [("content-type", "application/problem+json")])


class Line:
    """A spool with batches of one item each, a sender, and a platform that answers by what stands in `answers`."""

    def __init__(self, folder: Path, server: Server, count: int = 3) -> None:
        self.spool, self.server = opened(folder / "spool"), server
        for n in range(count):
            self.spool.append(b"%d" % n, "a", 2, boot())
            seal_all(self.spool)
        self.sender = Sender(cap_s=8.0, draw=lambda low, high: high)
        self.to = Connection(server.url, tls(server.authority), 5)
        self.at = AT

    def otherwise(self, refusal: str, sealed: Sealed, envelope: Envelope) -> bool:
        return False

    def deliver(self, until_s: float = float("inf")) -> uuid.UUID | None:
        return self.sender.deliver_all(self.spool, self.to, lambda: self.at, self.otherwise, until_s)

    def sequences(self) -> list[int]:
        return [int(asked.headers["sequence"]) for asked in self.server.asked]


Begin = Callable[..., Line]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """A line to a platform that answers by a function of the request."""
    stack = []

    def make(answer: Callable[[Asked], Told], count: int = 3) -> Line:
        context = running(tmp_path, answer)
        line = Line(tmp_path, context.__enter__(), count)
        stack.append((context, line))
        return line

    yield make
    for context, line in stack:
        line.to.close()
        context.__exit__(None, None, None)


@given(st.integers(0, 10_000), st.floats(0.01, 1e6), st.floats(0, 1))
def test_the_wait_is_drawn_from_the_whole_range_also_at_the_cap(attempt: int, cap_s: float, share: float) -> None:
    high = min(cap_s, 2.0 ** min(attempt, 32))
    assert wait_s(attempt, cap_s, lambda low, top: low + share * (top - low)) == pytest.approx(share * high)


def test_a_fleet_at_the_cap_does_not_return_as_one() -> None:
    waits = [wait_s(40, 100.0) for _ in range(200)]
    assert min(waits) < 30
    assert max(waits) > 70


def test_the_present_goes_first_the_rest_in_order_and_all_is_settled_by_a_200(begin: Begin) -> None:
    line = begin(lambda _: taken(config=4), count=4)
    assert line.deliver() is None
    assert line.sequences() == [4, 1, 2, 3]
    assert line.spool.sealed() == []
    assert line.sender.taken().config == 4
    sent = parse_sent(line.server.asked[0].headers["eucora-sent"])
    assert (sent.boot, sent.wall_ms) == (AT.boot, AT.wall_ms)


@pytest.mark.parametrize("slug", sorted(REGISTRY))
def test_only_a_refusal_that_consumes_lets_go_of_a_batch(begin: Begin, slug: str) -> None:
    line = begin(lambda _: refused(slug), count=1)
    line.deliver()
    assert (line.spool.sealed() == []) == REGISTRY[slug].settles
    assert (line.sender.failures == 0) == (REGISTRY[slug].settles or slug == "replay-later")
    assert line.sender.refused == ([slug] if REGISTRY[slug].settles else [])


@pytest.mark.parametrize(
    "told", [Told(200, b"<html>"), Told(200, b""), Told(502, b"bad gateway"), Told(404, b""), Told(trick="drop")]
)
def test_what_is_no_answer_of_the_platform_settles_nothing(begin: Begin, told: Told) -> None:
    line = begin(lambda _: told)
    line.deliver()
    assert len(line.spool.sealed()) == 3
    assert len(line.server.asked) <= 1  # nothing behind it was tried
    assert line.sender.failures == 1
    assert line.sender.unreached == (told.trick == "drop")


def test_a_failure_is_waited_out_longer_each_time_up_to_the_cap(begin: Begin) -> None:
    line = begin(lambda _: refused("internal"))
    waits = []
    for _ in range(6):
        line.deliver()
        waits.append(line.sender.not_before_s - line.at.uptime_s)
        early = Moment(Boot(BOOT, int(line.sender.not_before_s * 1000) - 1), 0)
        assert not line.sender.may_send(early)
        line.at = Moment(Boot(BOOT, int(line.sender.not_before_s * 1000)), 0)
    assert waits == [1, 2, 4, 8, 8, 8]
    assert len(line.server.asked) == 6
    assert (line.sender.failures, line.sender.retries, line.sender.unreached) == (6, 6, 0)


@pytest.mark.parametrize("slug", ["too-fast", "journal-unavailable"])
def test_what_the_platform_asks_to_wait_comes_before_the_draw(begin: Begin, slug: str) -> None:
    line = begin(lambda _: Told(503, msgspec.json.encode(document(slug)), [("retry-after", "30")]))
    line.deliver()
    assert line.sender.not_before_s == AT.uptime_s + 30 + 1
    line.at = Moment(Boot(BOOT, AT.boot.uptime_ms + 20_000), AT.wall_ms + 10**9)  # the wall clock ends no wait
    line.deliver()
    assert len(line.server.asked) == 1


def test_a_success_ends_the_back_off(begin: Begin) -> None:
    told = [refused("internal"), taken(), taken(), taken()]
    line = begin(lambda asked: told[0])
    line.deliver()
    told.pop(0)
    line.at = Moment(Boot(BOOT, 60_000), AT.wall_ms)
    line.deliver()
    assert line.sequences() == [3, 3]  # one tries whether the platform is there: what waited is to be sealed first
    assert (line.sender.failures, line.sender.retries) == (0, 1)
    assert line.sender.last_ack is not None
    line.deliver()
    assert line.spool.sealed() == []


def test_old_batches_wait_for_their_turn_while_the_present_goes_on(begin: Begin) -> None:
    turn = [False]
    later = Told(429, msgspec.json.encode(document("replay-later")), [("retry-after", "90")])
    line = begin(lambda asked: taken() if turn[0] or int(asked.headers["sequence"]) > 3 else later, count=4)
    line.deliver()
    assert line.sequences() == [4, 1]  # what lies behind it is not even tried
    assert line.sender.failures == 0
    line.spool.append(b"new", "a", 2, boot())
    seal_all(line.spool)
    line.at = Moment(Boot(BOOT, AT.boot.uptime_ms + 60_000), AT.wall_ms)
    line.deliver()
    assert line.sequences() == [4, 1, 5]
    turn[0] = True
    line.at = Moment(Boot(BOOT, AT.boot.uptime_ms + 90_000), AT.wall_ms)
    line.deliver()
    assert line.sequences() == [4, 1, 5, 3, 1, 2]
    assert line.spool.sealed() == []


def test_while_an_older_stream_is_on_its_way_nothing_goes_before_it(begin: Begin) -> None:
    line = begin(lambda _: taken())
    line.spool._commit(stream=uuid.uuid4(), sequence=0)
    line.spool.append(b"new", "a", 2, boot())
    seal_all(line.spool)
    line.deliver()
    assert line.sequences() == [1, 2, 3, 1]


def test_a_pace_is_kept_also_between_batches(begin: Begin) -> None:
    line = begin(lambda _: taken(pace_s=7.0))
    line.deliver()
    assert line.sequences() == [3]
    line.at = Moment(Boot(BOOT, AT.boot.uptime_ms + 7_000), AT.wall_ms)
    line.deliver()
    assert line.sequences() == [3, 2]


def test_sending_ends_when_the_next_beat_is_due(begin: Begin) -> None:
    line = begin(lambda _: taken())
    line.deliver(until_s=AT.uptime_s)
    assert line.server.asked == []


def test_a_fork_stops_the_stream_until_the_answer_names_a_way_out(begin: Begin) -> None:
    told = [refused("fork"), refused("fork", new_stream=True)]
    line = begin(lambda _: told[0])
    assert line.deliver() is None
    assert line.sequences() == [3]
    assert len(line.spool.sealed()) == 3
    told.pop(0)
    line.at = Moment(Boot(BOOT, 60_000), AT.wall_ms)
    assert line.deliver() == line.spool.head.stream
    assert line.sequences() == [3, 3]


def test_an_answer_may_ask_for_a_new_stream(begin: Begin) -> None:
    line = begin(lambda _: taken(new_stream=True))
    assert line.deliver() == line.spool.head.stream
    assert len(line.spool.sealed()) == 2
    line.sender.taken()
    assert line.sender.next.new_stream is False


def test_what_a_restored_platform_lacks_is_sent_again_byte_for_byte_behind_what_is_new(begin: Begin) -> None:
    epoch, lacks = 1, tuple[tuple[int, int], ...]()
    line = begin(lambda asked: stands(epoch, lacks))
    line.deliver()
    assert (line.sequences(), line.spool.sealed()) == ([3, 1, 2], [])
    epoch, lacks = 2, ((2, 3),)
    for n in (4, 5):
        line.spool.append(b"%d" % n, "a", 2, boot())
        seal_all(line.spool)
    line.deliver(until_s=0.0)
    line.deliver()
    assert line.sequences() == [3, 1, 2, 5, 4]
    lacks = ()
    line.deliver()
    assert line.sequences() == [3, 1, 2, 5, 4, 2, 3]
    was, again = line.server.asked[2], line.server.asked[5]
    assert (was.body, was.headers["previous"]) == (again.body, again.headers["previous"])
    assert (line.spool.sealed(), line.spool.depth(), line.spool.lost()) == ([], 0, ())


def test_a_gap_that_is_on_its_way_is_looked_for_once_and_again_when_it_comes_back(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who replays three weeks hears of the same gap with each answer."""
    looked: list[Any] = []
    find = Spool.send_again
    monkeypatch.setattr(Spool, "send_again", lambda spool, *asked: [looked.append(asked), find(spool, *asked)][1])
    lacks = tuple[tuple[int, int], ...]()
    line = begin(lambda asked: stands(1, lacks), count=6)
    gaps: list[tuple[tuple[int, int], ...]] = [((1, 5),), ((2, 3), (5, 5)), ((2, 2),), (), ((2, 3),), ()]
    for lacks in gaps:  # noqa: B007 - the platform says it
        line.spool.append(b"more", "a", 2, boot())
        seal_all(line.spool)
        line.deliver()
    assert [each for _, each in looked] == [[(1, 5)], [(2, 3)]]
    assert (line.spool.sealed(), line.sequences()[-2:]) == ([], [2, 3])


def test_what_the_platform_misses_is_sent_first(begin: Begin) -> None:
    told = {1: taken(), 2: taken(), 3: refused("too-many-gaps", missing=(2,))}
    line = begin(lambda asked: told[int(asked.headers["sequence"])])
    line.deliver()
    line.at = Moment(Boot(BOOT, 60_000), AT.wall_ms)
    line.deliver()
    told[3] = taken()
    line.deliver()
    assert line.sequences() == [3, 2, 3, 1]
    assert line.sender.missing == ()


def test_what_the_platform_misses_and_nobody_has_is_named_as_lost(begin: Begin) -> None:
    line = begin(lambda asked: refused("too-many-gaps", missing=(1,)))
    line.spool._let_go([], [1], "shed")
    line.deliver()
    line.spool.append(b"x", "a", 2, boot())
    (namer,) = seal_all(line.spool)
    line.at = Moment(Boot(BOOT, 60_000), AT.wall_ms)
    line.deliver()
    assert line.server.asked[-1].headers["lost"] == "1=1-1:shed"
    assert line.spool.sealed()[-1].number == namer


@pytest.mark.parametrize("slug", ["too-large", "inflates-too-much"])
def test_a_batch_too_large_is_cut_until_an_item_is_alone(begin: Begin, slug: str) -> None:
    line = begin(lambda asked: refused(slug) if asked.body.count(b"|") or b"big" in asked.body else taken(), count=0)
    for body in (b"1", b"2", b"big", b"4", b"5"):
        line.spool.append(body, "a", 2, boot())
    seal_all(line.spool)

    def cut(refusal: str, sealed: Sealed, envelope: Envelope) -> bool:
        assert refusal == slug
        if b"|" in envelope.body:
            line.spool.seal_again([sealed.number], halves(envelope))
        return b"|" in envelope.body

    line.otherwise = cut  # type: ignore[method-assign]
    for _ in range(5):
        line.deliver()
    assert line.spool.depth() == 0
    assert line.sender.refused == [slug]
    assert sorted(a.body for a in line.server.asked if b"|" not in a.body) == [b"1", b"2", b"4", b"5", b"big"]


def test_a_batch_damaged_on_the_disk_is_passed_over(begin: Begin) -> None:
    line = begin(lambda _: taken())
    line.spool.folder.write([("UPDATE batches SET body = x'00' WHERE number = 2", [()])])
    line.deliver()
    assert line.sequences() == [3, 1]
    assert line.sender.refused == ["corrupt"]
    assert [x.sequence for x in line.spool.lost()] == [2]


def test_resync_is_asked_for_once_even_when_many_answers_say_it(begin: Begin) -> None:
    line = begin(lambda _: taken(resync=("software",)))
    line.deliver()
    assert line.sender.taken().resync == ("software",)
    assert line.sender.taken().resync == ()


def test_a_full_disk_does_not_stop_the_sending(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    from eucora_agent import spool as module
    from eucora_agent.problems import SpoolFull

    line = begin(lambda _: taken(), count=5)
    monkeypatch.setattr(module, "MOST_UNWRITTEN", 2)

    def full(*_: object, **__: object) -> None:
        raise SpoolFull

    monkeypatch.setattr(Spool, "_commit", full)
    line.deliver()
    line.deliver()
    assert line.sequences() == [5, 1, 2, 3, 4]


def test_a_line_that_ends_in_the_middle_gets_smaller_batches(begin: Begin) -> None:
    line = begin(lambda _: Told(trick="drop"), count=1)
    line.deliver()
    assert (line.sender.unreached, line.sender.carried.fits) == (1, LEAST)


def of_many(line: Line, count: int) -> int:
    """A batch of so many items behind the others."""
    for _ in range(count):
        line.spool.append(b"torn", "a", 2, boot())
    return seal_all(line.spool, count)[0]


def torn_if(what: Callable[[Asked], bool]) -> Callable[[Asked], Told]:
    return lambda asked: Told(trick="drop") if what(asked) else taken()


def test_a_batch_that_the_line_does_not_carry_waits_some_minutes_and_the_others_pass(begin: Begin) -> None:
    line = begin(torn_if(lambda asked: asked.headers["sequence"] == "4"))
    torn = of_many(line, 30)
    line.deliver()
    assert (line.sender.failures, line.spool.sealed()[-1].number) == (1, torn)
    line.at = later(line.at, line.sender.not_before_s)
    line.deliver()
    line.deliver()
    assert [x.number for x in line.spool.sealed()] == [torn]
    assert (line.sender.failures, line.sender.tries(line.spool, line.at)) == (0, False)
    line.deliver()
    assert line.server.connections == 2, "it was tried before its time"
    line.at = later(line.at, 700)
    line.server.answer = lambda _: taken()
    line.deliver()
    assert line.spool.sealed() == []


def test_a_small_batch_waits_when_it_was_torn_twice_but_never_two_of_them_so_that_one_tries_the_platform(
    begin: Begin,
) -> None:
    line = begin(torn_if(lambda asked: True), count=2)
    for _ in range(6):
        line.at = later(line.at, line.sender.not_before_s - line.at.uptime_s)
        line.deliver()
    waiting = [x.number for x in line.spool.sealed() if line.sender._waits(x, line.at)]
    assert waiting == [2]
    assert line.sender.tries(line.spool, line.at)


def test_a_batch_of_an_older_stream_never_lets_a_newer_stream_pass(begin: Begin) -> None:
    """The platform numbers streams by what it sees first."""
    line = begin(torn_if(lambda asked: True), count=0)
    of_many(line, 30)
    older = line.spool.sealed()
    line.spool.head = msgspec.structs.replace(line.spool.head, stream=uuid.uuid4())
    for _ in range(4):
        line.at = later(line.at, line.sender.not_before_s - line.at.uptime_s)
        line.deliver()
    assert not any(line.sender._waits(x, line.at) for x in older)


def later(at: Moment, seconds: float) -> Moment:
    return replace(at, boot=Boot(at.boot.id, at.boot.uptime_ms + int(seconds * 1000) + 1))


def test_a_platform_that_is_away_makes_no_batch_smaller(begin: Begin) -> None:
    line = begin(lambda _: taken(), count=1)
    line.to = Connection("https://127.0.0.1:9", tls(line.server.authority), 5)
    line.deliver()
    assert (line.sender.unreached, line.sender.carried.fits) == (1, MOST)


def test_a_slow_answer_makes_the_next_batch_smaller(begin: Begin) -> None:
    line = begin(lambda _: taken(), count=1)
    moments = iter([AT, replace(AT, boot=Boot(BOOT, 56_000))])
    line.sender.deliver_all(line.spool, line.to, lambda: next(moments), line.otherwise)
    assert line.sender.carried.fits == LEAST


def test_what_the_platform_is_known_to_unpack_is_packed_with(begin: Begin) -> None:
    line = begin(lambda _: taken(dictionary=newest()), count=1)
    assert line.sender.dictionary == PLAIN
    line.deliver()
    assert line.sender.dictionary == newest()


def test_a_dictionary_that_this_agent_has_not_is_not_packed_with(begin: Begin) -> None:
    line = begin(lambda _: taken(dictionary=60_000), count=1)
    line.deliver()
    assert line.sender.dictionary == PLAIN


def test_who_was_refused_for_a_dictionary_goes_on_without_one_whatever_he_is_told(begin: Begin) -> None:
    answers = {"2": refused("unknown-dictionary"), "1": taken(dictionary=newest())}
    line = begin(lambda asked: answers[asked.headers["sequence"]], count=2)
    line.sender.dictionary = newest()
    line.deliver()
    assert (line.sender.dictionary, line.spool.sealed(), line.sender.refused) == (PLAIN, [], ["unknown-dictionary"])
