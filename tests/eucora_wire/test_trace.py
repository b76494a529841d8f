"""A batch's trace: the same at every stage, a traceparent as the W3C has it, sampled alike by everybody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_wire.trace import parse, sampled, span_of, trace_of, traceparent

digests = st.binary(min_size=32, max_size=32)


@given(digests, st.floats(0, 1))
def test_the_header_is_read_back_as_what_every_stage_makes_of_the_digest(digest: bytes, ratio: float) -> None:
    trace = trace_of(digest)
    header = traceparent(digest, ratio)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", header)
    assert parse(header) == (trace, span_of(trace, "send"), sampled(trace, ratio))


@given(digests, st.floats(0, 1), st.floats(0, 1))
def test_what_a_smaller_share_takes_a_larger_one_takes_too(digest: bytes, one: float, other: float) -> None:
    trace = trace_of(digest)
    assert not sampled(trace, min(one, other)) or sampled(trace, max(one, other))
    assert (sampled(trace, 0), sampled(trace, 1)) == (False, True)


@given(digests, digests)
def test_two_batches_are_two_traces_and_two_stages_two_spans(one: bytes, other: bytes) -> None:
    assert (trace_of(one) == trace_of(other)) == (one == other)
    spans = {span_of(trace_of(one), stage) for stage in ("send", "door", "digest", "tell.loki")}
    assert len(spans) == 4


def test_the_share_is_what_it_says() -> None:
    taken = sum(sampled(trace_of(n.to_bytes(32)), 0.25) for n in range(4_000))
    assert 900 < taken < 1_100


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-0g",
    ],
)
def test_what_is_no_traceparent_is_ignored(header: str) -> None:
    assert parse(header) is None


def test_a_later_version_may_say_more() -> None:
    assert parse(f"01-{TRACE}-{SPAN}-01-more") is not None


@given(st.text())
def test_no_text_breaks_the_reader(header: str) -> None:
    parse(header)
