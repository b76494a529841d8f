"""Equal warnings are one event with a count; none is lost between two payloads, and their number is bounded."""

from datetime import UTC, datetime, timedelta

from eucora_agent.warnings import MOST, Warnings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def test_equal_ones_are_counted_from_first_to_last() -> None:
    warnings = Warnings()
    warnings.note("spool_full", "", NOW)
    warnings.note("spool_full", "", LATER)
    warnings.note("refused", "schema", NOW)
    first, second = warnings.take()
    assert (first.name, first.count, first.time, first.last, first.detail) == ("agent.spool_full", 2, NOW, LATER, None)
    assert (second.name, second.count, second.detail, second.severity) == ("agent.refused", 1, "schema", "warning")
    assert warnings.take() == ()


def test_what_could_not_be_kept_is_told_with_the_next() -> None:
    warnings = Warnings()
    warnings.note("a", "", NOW)
    taken = warnings.take()
    warnings.note("a", "", LATER)
    warnings.note("b", "", LATER)
    warnings.put_back(taken)
    told = {e.name: (e.count, e.time, e.last) for e in warnings.take()}
    assert told == {"agent.a": (2, NOW, LATER), "agent.b": (1, LATER, None)}


def test_too_many_kinds_are_counted_under_one_name() -> None:
    warnings = Warnings()
    for n in range(MOST + 30):
        warnings.note("w", str(n), NOW)
    events = warnings.take()
    assert len(events) == MOST + 1
    assert (events[-1].name, events[-1].count) == ("agent.more_warnings", 30)
    for _ in range(2):
        warnings.put_back(events)
    assert len(warnings.take()) <= MOST + 1
