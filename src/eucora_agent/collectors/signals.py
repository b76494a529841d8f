"""The name of a signal by its number, as the system that recorded it has it."""

import signal


def named(number: str | None) -> str | None:
    """`11` is SIGSEGV; a number without a name stays as it is."""
    if number is None or not number.strip().isdigit():
        return number
    try:
        return signal.Signals(int(number)).name
    except ValueError:
        return number.strip()
