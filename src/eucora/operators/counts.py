"""How large the fleet is, and how much of it is heard: counted once for all who look within some seconds."""

from datetime import datetime, timedelta
from typing import Any

from eucora import clock
from eucora.operators.statements import SQL
from eucora.slice import Pool

KEPT_S = 5.0


class Counts:
    """Of one process."""

    def __init__(self) -> None:
        self._found: Any = None
        self._at = float("-inf")

    async def of(self, pool: Pool, now: datetime, silent: timedelta) -> Any:
        """enrolled, revoked, simulated; of the enrolled, reporting (heard of within `silent`) and silent (before it)."""
        if clock.monotonic() - self._at > KEPT_S:
            self._found, self._at = await pool.fetchrow(SQL.fleet, now - silent), clock.monotonic()
        return self._found
