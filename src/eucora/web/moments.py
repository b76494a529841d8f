"""A moment as people write it: `15m`, `1h`, `7d` ago, or RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from eucora.problems import Refused

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MOMENT = "^([0-9]{1,6}[smhdw]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2}))$"
"""As a document's schema says it."""
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")

Since: TypeAlias = Annotated[
    str, QueryParameter(max_length=40, description="How long ago (600s, 15m, 1h, 7d), or a time in RFC 3339")
]
Until: TypeAlias = Annotated[str, QueryParameter(max_length=40, description="As since; 0s is now")]


def moment(text: str, now: datetime) -> datetime:
    """The moment in UTC. Raises Refused (bad-request)."""
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - timedelta(seconds=int(ago[1]) * SECONDS[ago[2]])
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise Refused("bad-request", "a time is 600s, 15m, 1h, 7d (ago) or RFC 3339 with its zone") from exc
