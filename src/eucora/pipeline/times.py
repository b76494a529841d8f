"""Times of an item's records: shifted like the item itself, and never in the future. Pure."""

from datetime import datetime

from eucora.batch import CUT, Item
from eucora.clock import shifted


def corrected(time: datetime, item: Item) -> tuple[datetime, int]:
    """A record's time and its marks."""
    time = shifted(time, item.shift_ms, item.received)
    if time > item.received:
        return item.received, item.marks | CUT
    return time, item.marks
