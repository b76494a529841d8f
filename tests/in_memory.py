"""Where the servers of the tests keep what they write."""

import re
import shutil
from pathlib import Path


def fast_folder() -> Path | None:
    """In memory, where there is plenty: processes are killed here, never the power. None: where all else goes."""
    memory, needed = Path("/dev/shm"), 6 * 2**30
    if not (memory.is_dir() and shutil.disk_usage(memory).free > needed):
        return None
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    return memory if available and int(available[1]) * 1024 > needed else None
