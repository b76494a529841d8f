"""A proxy of TCP: what comes in is joined to another connection. What a fault does to it, a subclass says."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PIECE = 16 * 1024


class Proxy(ABC):
    """Runs in a thread of its own, from the beginning of the block to its end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    async def _serve(self) -> list[asyncio.Server]:
        """Where it listens."""

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One way of a connection, to its end."""
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        self._end_all()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def _end_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, other: Callable[[], Awaitable[Streams]]
    ) -> None:
        self._open.add(writer)
        try:
            back, forth = await other()
            self._open.add(forth)
            try:
                await asyncio.gather(self._one_way(reader, forth), self._one_way(back, writer))
            finally:
                self._open.discard(forth)
                forth.transport.abort()
        except (OSError, TimeoutError):
            pass  # nobody listens there just now: to the other side it is a connection that ended
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._carry(reader, writer)
        writer.transport.abort()
