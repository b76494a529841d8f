"""Where VictoriaMetrics differs from the Prometheus whose writes and queries it takes. Pure.

It deletes a series whole or not at all, keeps a sample as often as it is told unless samples of one moment are merged, and
has no window for late samples: it takes whatever its retention still holds. Its settings stand on /flags.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from eucora.stores.durations import duration
from eucora.stores.ports import Finding, finding

FLAGS, FLUSH = "/flags", "/internal/force_flush"
"""Its settings; and before it is asked to delete: what it took a moment ago it neither shows nor deletes."""
MONTH = timedelta(days=31)


def flags_of(text: str) -> Mapping[str, str]:
    """Its own flags by name: -retentionPeriod="90d"."""
    return dict(re.findall(r'(?m)^-([\w.]+)="?([^"\n]*)"?$', text))


def retention(flags: Mapping[str, str]) -> timedelta:
    """How long it keeps samples; a bare number is of months, and one month is what it takes when nobody says."""
    said = flags.get("retentionPeriod", "1")
    return MONTH * float(said) if re.fullmatch(r"[0-9.]+", said) else duration(said)


def findings(
    flags: Mapping[str, str], tsdb: Mapping[str, Any], oldest: timedelta, most_series: int
) -> Iterator[Finding]:
    """What the server says of itself, held against what we need."""
    kept, merged = retention(flags), flags.get("dedup.minScrapeInterval", "0s")
    mend = f"start it with -retentionPeriod=90d: {oldest.days}d at least, else what comes late is refused"
    yield finding("retention", kept >= oldest, f"{kept.days}d", mend)
    mend = "start it with -dedup.minScrapeInterval=1ms: a sample that is told twice counts twice, else"
    yield finding("dedup", merged not in ("0", "0s"), merged, mend)
    series = int(tsdb["totalSeries"])
    mend = "set EUCORA_METRICS_SERIES=cohort, or see that it has the memory"
    yield finding("head_series", series <= most_series, f"{series:,} today", mend)
