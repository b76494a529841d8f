"""How a read is shared."""

from hypothesis import given
from hypothesis import strategies as st

from eucora.journal.shares import shares

backlogs = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 1)),
    st.tuples(st.integers(0, 50), st.integers(1, 500)).map(lambda pair: (pair[0], pair[0] + pair[1])),
)


@given(backlogs, st.integers(1, 1000))
def test_all_that_may_be_read_is_read_and_no_more(backlog, most):
    upto = shares(backlog, most)
    read = sum(upto[place] - backlog[place][0] for place in upto)
    assert read == min(most, sum(tip - after for after, tip in backlog.values()))
    assert all(backlog[place][0] < position <= backlog[place][1] for place, position in upto.items())


@given(backlogs, st.integers(1, 1000))
def test_replay_gets_only_what_live_leaves(backlog, most):
    upto = shares(backlog, most)
    if any(lane for _, lane in upto):
        assert all(upto[place] == tip for place, (_, tip) in backlog.items() if place[1] == 0)


@given(backlogs, st.integers(16, 1000))
def test_no_place_waits_behind_the_backlog_of_another_in_its_lane(backlog, most):
    upto = shares({place: span for place, span in backlog.items() if place[1] == 0}, most)
    assert set(upto) == {place for place in backlog if place[1] == 0}
