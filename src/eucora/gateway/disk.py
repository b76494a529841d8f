"""The door guards the disk: below the reserve it takes nothing, so PostgreSQL never sees a full disk."""

import os
import random
from pathlib import Path

from eucora.problems import TryLater
from eucora.settings import reserve_of

RETRY_S = 30.0


class DiskGuard:
    """Looks when told to (`look`, each second); `admit` only reads what it saw."""

    def __init__(self, folder: Path, setting_mib: int) -> None:
        self._folder, self._setting_mib = folder, setting_mib
        self.low = False
        self.look()

    def look(self) -> None:
        """Ask the file system."""
        found = os.statvfs(self._folder)
        reserve = reserve_of(self._setting_mib, found.f_blocks * found.f_frsize)
        self.low = found.f_bavail * found.f_frsize < reserve

    def admit(self) -> None:
        """Raises TryLater(disk-reserve) while the reserve is touched."""
        if self.low:
            raise TryLater("disk-reserve", retry_after_s=RETRY_S * random.uniform(1, 2))  # noqa: S311 - jitter
