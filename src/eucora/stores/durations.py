"""Durations as Prometheus, Loki and Tempo write them in their configurations: 4w1d, 696h0m0s."""

import re
from datetime import timedelta

UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def duration(text: str) -> timedelta:
    """As long as is said; zero for what says nothing."""
    return timedelta(seconds=sum(int(n) * UNITS_S[unit] for n, unit in re.findall(r"([0-9]+)(ms|[smhdwy])", text)))
