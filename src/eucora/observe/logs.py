"""The platform's own log lines, sent to a log server beside stderr, which stays their home. Sending never waits."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import IO

import msgspec
from msgspec import Struct

from eucora import clock

MOST_WAITING = 4_096
AT_ONCE = 512
EVERY_S = 1.0


class Said(Struct, frozen=True, gc=False):
    """One line as it stands on stderr; `at_us` in microseconds since 1970."""

    at_us: int
    severity: str
    text: str


class _Level(Struct):
    level: str = "info"


_LEVEL = msgspec.json.Decoder(_Level)

Send = Callable[[Sequence[Said]], Awaitable[None]]


class Tee:
    """A text file that remembers what is written to another; the oldest go first when nobody takes them."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self._waiting: deque[Said] = deque(maxlen=MOST_WAITING)

    def write(self, text: str) -> int:
        """As any text file."""
        if len(text) > 1:
            self._waiting.append(Said(clock.to_us(clock.now()), _severity(text), text.rstrip("\n")))
        return self.file.write(text)

    def flush(self) -> None:
        """As any text file."""
        self.file.flush()

    async def run(self, send: Send, ended: asyncio.Event) -> None:
        """Send what was written, each second, and once more at the end. What fails is on stderr all the same."""
        while True:
            last = ended.is_set()
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                try:
                    await send(some)
                except Exception:  # noqa: BLE001 - a line about it would come here again
                    break
            if last:
                return
            try:
                await asyncio.wait_for(ended.wait(), EVERY_S)
            except TimeoutError:
                continue


def _severity(text: str) -> str:
    try:
        return _LEVEL.decode(text).level
    except msgspec.DecodeError:
        return "info"
