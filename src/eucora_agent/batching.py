"""How many items the next batch holds: fewer when the line does not carry what it is given, more when it does at once. Pure.

A sealed batch stays as it is; this is about those that are sealed next. It is forgotten when the agent ends.
"""

LEAST, MOST = 8, 1_024
"""Fewer than eight payloads weigh less than the handshake before them; above, the configuration is the bound."""
QUICK_S, SLOW_S = 1.0, 5.0


def after(fits: int, items: int, took_s: float | None) -> int:
    """Of `fits` so far, after a batch of so many items was answered in `took_s`; None: it was begun, and never answered.

    Only a batch as large as may be says that a larger one may fit, too.
    """
    if took_s is None or took_s > SLOW_S:
        return max(LEAST, min(fits, items) // 2)
    if took_s <= QUICK_S and items >= fits:
        return min(MOST, fits * 2)
    return fits
