"""A network that fails: a proxy of TCP between devices and the platform, which forwards, or does what networks do.

TLS goes through it unopened, so what it breaks is what a cable, a Wi-Fi or a firewall breaks. What wants root (namespaces,
nftables) is not needed: a half-open connection is one that is taken and then left.
"""

import asyncio
import random
import threading
from contextlib import suppress
from typing import Literal

from bench.own import free_ports

Weather = Literal["fair", "slow", "torn", "half-open", "cut"]
"""fair: forwards · slow: a quarter of a second each way · torn: ends in the middle of a stream · half-open: takes, and
forwards nothing · cut: takes nothing, and ends what there was."""
SLOW_S = 0.25
PIECE = 16 * 1024


class Network:
    """Runs in a thread of its own, from the beginning of the block to its end."""

    def __init__(self, target: int, rng: random.Random) -> None:
        (self.port,) = free_ports(1)
        self._target, self._rng = target, rng
        self._weather: Weather = "fair"
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Network":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def weather(self, now: Weather) -> None:
        """From now on. A cut, and the end of half-open, end what there was."""
        before, self._weather = self._weather, now
        if now == "cut" or before == "half-open":
            self._loop.call_soon_threadsafe(self._end_all)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._take, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._end_all()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def _end_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._weather == "cut":
                return
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(forth)
            try:
                await asyncio.gather(self._carry(reader, forth), self._carry(back, writer))
            finally:
                self._open.discard(forth)
                forth.transport.abort()
        except OSError:
            pass  # nobody listens there just now: to the device it is a connection that ended
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                if self._weather == "slow":
                    await asyncio.sleep(SLOW_S)
                if self._weather == "half-open":
                    continue  # into the void
                if self._weather == "torn" and self._rng.random() < 0.2:
                    writer.write(piece[: self._rng.randrange(len(piece))])
                    await writer.drain()
                    break
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()
