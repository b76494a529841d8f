"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from eucora.problems import Refused
from eucora.web.moments import moment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("600s", NOW - timedelta(seconds=600)),
        ("15m", NOW - timedelta(minutes=15)),
        ("1h", NOW - timedelta(hours=1)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("0s", NOW),
        ("2026-11-24T10:00:00Z", NOW - timedelta(hours=2)),
        ("2026-11-24T13:00:00+01:00", NOW),
        ("2026-11-24T13:00:00 01:00", NOW),  # a plus that a URL made a blank
        ("2026-11-24T12:00:00", NOW),
    ],
)
def test_a_moment_is_an_age_or_a_time(text: str, told: datetime) -> None:
    assert moment(text, NOW) == told


@pytest.mark.parametrize("text", ["", "h", "-1h", "1y", "yesterday", "999999999w", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="RFC 3339"):
        moment(text, NOW)
