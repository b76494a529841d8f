"""The three classes of the specification, told by what a beat saw; the gravest holds, and none is told when all is well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.severity import BACKLOG, DOES, UNREACHED, Seen, severity

SEEN = st.builds(
    Seen,
    failures=st.integers(0, 5),
    lost=st.integers(0, 3),
    waiting=st.integers(0, 2 * BACKLOG),
    asked_for=st.integers(0, 3),
    clock_set=st.booleans(),
)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Seen(), ""),
        (Seen(waiting=BACKLOG), ""),
        (Seen(failures=UNREACHED), "S1"),
        (Seen(lost=1), "S1"),
        (Seen(failures=1), "S2"),
        (Seen(waiting=BACKLOG + 1), "S2"),
        (Seen(asked_for=1), "S3"),
        (Seen(clock_set=True), "S3"),
    ],
)
def test_each_class_has_its_symptom(seen: Seen, told: str) -> None:
    assert severity(seen) == told
    assert bool(DOES[severity(seen)]) == bool(told)


@given(SEEN)
def test_lost_telemetry_is_never_called_less_and_a_clean_beat_is_called_nothing(seen: Seen) -> None:
    told = severity(seen)
    assert (told == "S1") == (seen.lost > 0 or seen.failures >= UNREACHED)
    well = not (seen.lost or seen.failures or seen.waiting > BACKLOG or seen.asked_for or seen.clock_set)
    assert (told == "") == well
