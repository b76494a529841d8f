"""One question to the archive: a DuckDB of its own, a place among few, a time and a memory that it may take.

Who goes away stops it: the statement that runs in DuckDB is interrupted, the one in PostgreSQL is cancelled. What takes
too long or too much is refused, and the refusal says what to ask for less of.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from eucora.archive.parquet import Unfit, working
from eucora.problems import Refused, TryLater

T = TypeVar("T")
STREAMED_S = 300.0
"""A stream ends by then, however slowly it is read: its files stay for twice as long after they were replaced."""
PATIENCE_S = 10.0
"""So long a question waits for its place."""
SMALL = 8
"""Questions about one device at once."""


class Bounds(Struct, frozen=True):
    """What one question may take, and how many over many devices are answered at once."""

    memory_mib: int = 1024
    timeout_s: float = 30.0
    at_once: int = 2


class Question:
    """DuckDB for one question, opened when it is first needed. `narrow` says what to ask for less of."""

    def __init__(self, opened: Callable[[], DuckDBPyConnection], narrow: str, timeout_s: float) -> None:
        self._opened, self._narrow, self._left_s = opened, narrow, timeout_s
        self._db: DuckDBPyConnection | None = None
        self._end = time.monotonic() + STREAMED_S

    async def of(self, work: Callable[[DuckDBPyConnection], T]) -> T:
        """What `work` gets from DuckDB in a thread; who is cancelled stops it, and goes when it has stopped."""
        async with self.timed():
            db = self._db = self._db or self._opened()
            running = asyncio.ensure_future(asyncio.to_thread(work, db))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await self._stopped(db, running)
                raise
            except duckdb.OutOfMemoryException as exc:
                raise Refused("query-too-large", self._narrow) from exc
            except duckdb.Error as exc:
                raise Unfit("store-unavailable", f"DuckDB: {type(exc).__name__}") from exc

    @asynccontextmanager
    async def timed(self) -> AsyncIterator[None]:
        """A part of the work. The time between parts is the reader's. Raises Refused when all parts take too long."""
        begun = time.monotonic()
        left_s = min(self._left_s, self._end - begun)
        try:
            async with asyncio.timeout(max(0.0, left_s)) as limit:
                yield
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise Refused("query-too-slow", self._narrow) from exc
        finally:
            self._left_s -= time.monotonic() - begun

    async def _stopped(self, db: DuckDBPyConnection, running: "asyncio.Future[T]") -> None:
        while not running.done():
            db.interrupt()  # again: between two statements nothing hears it
            try:
                await asyncio.wait([running], timeout=0.05)
            except asyncio.CancelledError:
                continue  # told twice; a connection is not closed under its thread
        running.exception()


class Asking:
    """Where questions wait for their place. One for a process."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - frozen
        self.bounds = bounds
        self._places = {True: asyncio.Semaphore(bounds.at_once), False: asyncio.Semaphore(SMALL)}

    @asynccontextmanager
    async def question(self, narrow: str, *, wide: bool) -> AsyncIterator[Question]:
        """`wide`: over many devices. Raises TryLater when all places stay taken."""
        places = self._places[wide]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await places.acquire()
        except TimeoutError as exc:
            raise TryLater("too-many-queries", "", self.bounds.timeout_s) from exc
        try:
            with ExitStack() as held:
                memory_mib = self.bounds.memory_mib
                yield Question(lambda: held.enter_context(working(memory_mib)), narrow, self.bounds.timeout_s)
        finally:
            places.release()
