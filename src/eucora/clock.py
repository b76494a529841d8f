"""The only file that asks what time it is. Everything else is handed a time, always aware, always UTC."""

from datetime import UTC, datetime, timedelta
from time import CLOCK_BOOTTIME, clock_gettime
from time import monotonic as monotonic  # durations

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_S = 86_400


def now() -> datetime:
    return datetime.now(UTC)


def since_boot_s() -> float:
    """Seconds since this machine was started, its sleep included: nobody sets that clock."""
    return clock_gettime(CLOCK_BOOTTIME)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return to_us(moment) // 1_000


def to_us(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    since = moment - EPOCH  # by its parts: it is asked for every row
    return (since.days * _DAY_S + since.seconds) * 1_000_000 + since.microseconds


def from_ms(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def shifted(time: datetime, shift_ms: int, otherwise: datetime) -> datetime:
    """A device's time corrected by its clock's error; `otherwise` for one that no calendar holds."""
    try:
        return time + shift_ms * _MS if shift_ms else time
    except OverflowError:
        return otherwise
