"""A real Prometheus that follows the platform: killed now and then, it must show what was acknowledged, each once."""

import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.device import MS
from tests.faults.ledger import Account
from tests.live.prometheus import PROGRAMS, Server
from tests.platform import Up

KILLED = "a server that follows"
SERIES = "system_memory_usage_bytes"


def may_follow() -> bool:
    """Whether this machine has one."""
    return PROGRAMS["2"] is not None


class Following:
    """From the beginning of the block to its end."""

    def __enter__(self) -> "Following":
        self._server = Server()
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @property
    def settings(self) -> dict[str, str]:
        """What the platform is told of it."""
        return {"EUCORA_METRICS_URL": self._server.url}

    def killed(self, rng: random.Random) -> None:
        """As a power cut does it, for a moment or two."""
        self._server.kill()
        time.sleep(rng.uniform(0.3, 2.5))
        self._server.start()

    def judged(self, up: Up, account: Account) -> tuple[int, int]:
        """(lost, twice) of what an account was promised, once nothing waits for this server any more."""
        up.eventually(lambda: all(each["waiting"] == 0 for each in up.json("stores")), 120)
        promised = Counter((number, when) for number, when in account.sent.items() if number in account.settled)
        shown = Counter(self._shown(account))
        return sum((promised - shown).values()), sum((shown - promised).values())

    def _shown(self, account: Account) -> list[tuple[int, datetime]]:
        found = self._server.query(f'{SERIES}{{device="{account.id}"}}[3h]', time.time() + 60)
        return [_point(*each) for series in found for each in series["values"]]


def _point(at_s: Any, value: str) -> tuple[int, datetime]:
    ms = round(float(at_s) * 1000)
    return int(float(value)), datetime.fromtimestamp(ms // 1000, UTC) + (ms % 1000) * MS
