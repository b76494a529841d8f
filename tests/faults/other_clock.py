"""A role of the platform whose clock a file moves: a test must not set the machine's. `other_clock.py FILE serve ROLE`."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from eucora import clock
from eucora.cli.main import run

true_now = clock.now


def moved() -> datetime:
    """Now, and as many seconds more as the file says."""
    return true_now() + timedelta(seconds=float(Path(FILE).read_text() or 0))


if __name__ == "__main__":
    FILE = sys.argv.pop(1)
    clock.now = moved
    run()
