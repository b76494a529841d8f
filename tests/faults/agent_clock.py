"""A real agent whose wall clock a file moves: a test must not set the machine's. `agent_clock.py FILE run`."""

import sys
import time
from pathlib import Path

from eucora_agent.main import run

true_time = time.time


def moved() -> float:
    """Now, and as many seconds more as the file says."""
    return true_time() + float(Path(FILE).read_text() or 0)


if __name__ == "__main__":
    FILE = sys.argv.pop(1)
    time.time = moved
    run()
