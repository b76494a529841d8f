"""What VictoriaMetrics says of itself is read as it means it."""

from datetime import timedelta

import pytest

from eucora.stores.victoriametrics import findings, flags_of, retention

SAID = '-dedup.minScrapeInterval="1ms"\n-httpListenAddr="127.0.0.1:8428"\n-retentionPeriod="90d"\n'


@pytest.mark.parametrize(
    ("said", "days"),
    [("", 31), ('-retentionPeriod="3"\n', 93), ('-retentionPeriod="90d"\n', 90), ('-retentionPeriod="1y"', 365)],
)
def test_a_bare_number_is_of_months(said: str, days: int) -> None:
    assert retention(flags_of(said)) == timedelta(days=days)


def test_what_is_wrong_has_a_mend() -> None:
    well = {f.name: f.state for f in findings(flags_of(SAID), {"totalSeries": 7}, timedelta(days=29), 1_000)}
    assert well == {"retention": "well", "dedup": "well", "head_series": "well"}
    wrong = list(findings(flags_of('-retentionPeriod="7d"\n'), {"totalSeries": 7_000}, timedelta(days=29), 1_000))
    assert {f.name: (f.state, bool(f.mend)) for f in wrong} == dict.fromkeys(well, ("wrong", True))
