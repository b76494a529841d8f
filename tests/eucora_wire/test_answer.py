"""What the platform answers is small, explicit, and read back as it was said."""

import uuid
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_wire.answer import Account, Answer, LogonAnswer, LogonRequest, Next, Receipt
from eucora_wire.problems import ItemProblem

SESSION = str(uuid.UUID(int=1)).encode()

receipts = st.builds(
    Receipt,
    epoch=st.integers(1, 9),
    shard=st.integers(0, 255),
    lane=st.sampled_from(["live", "replay"]),
    position=st.integers(0, 2**53),
    received=st.datetimes(timezones=st.just(UTC)),
)
answers = st.builds(
    Answer,
    outcome=st.sampled_from(["appended", "duplicate", "known"]),
    accepted=st.integers(0, 100_000),
    sequence=st.integers(1, 2**53 - 1),
    rejected=st.lists(st.builds(ItemProblem, item=st.integers(1), type=st.just("urn:x")), max_size=3).map(tuple),
    receipt=st.none() | receipts,
    next=st.builds(Next, config=st.integers(0, 9), resync=st.sampled_from([(), ("software",), ("software", "device")])),
)


@given(answers)
def test_an_answer_is_read_as_it_was_said(answer: Answer) -> None:
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Answer) == answer


def test_an_answer_with_nothing_to_add_says_only_what_was_done() -> None:
    assert msgspec.json.encode(Answer("appended", 1, 7)) == b'{"outcome":"appended","accepted":1,"sequence":7}'


def test_an_older_agent_understands_a_newer_answer() -> None:
    newer = b'{"outcome":"appended","accepted":1,"sequence":7,"weather":"fine","next":{"colour":"red"}}'
    assert msgspec.json.decode(newer, type=Answer) == Answer("appended", 1, 7)


def test_a_log_on_names_nobody_outside_its_seal() -> None:
    assert {"name", "domain", "display"}.isdisjoint(LogonRequest.__struct_fields__)
    assert {"name", "domain", "display"} <= set(Account.__struct_fields__)
    assert "name" not in LogonAnswer.__struct_fields__


@pytest.mark.parametrize("kind", [LogonRequest, Account])
def test_what_an_agent_says_holds_nothing_unknown(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"name":"n","sealed":"x","key":"k","session_id":"' + SESSION + b'"}', type=kind)
