"""A network that fails: a proxy of TCP between devices and the platform, which forwards, or does what networks do.

TLS goes through it unopened, so what it breaks is what a cable, a Wi-Fi or a firewall breaks: a half-open connection is one
that is taken and then left. Over a link of the kernel's (tests/faults/link.py, for root) packets are lost and held back too.
"""

import asyncio
import random
from typing import Literal, get_args

from bench.own import free_ports
from tests.faults.link import Breaks, Link
from tests.faults.proxy import PIECE, Proxy, Streams

Weather = Literal["fair", "slow", "torn", "half-open", "cut"] | Breaks
"""fair: forwards · slow: a quarter of a second each way · torn: ends in the middle of a stream · half-open: takes, and
forwards nothing · cut: takes nothing, and ends what there was; and what a link does."""
OF_A_LINK: tuple[Breaks, ...] = get_args(Breaks)
OF_A_PROXY: tuple[Weather, ...] = ("slow", "torn", "half-open", "cut")
SLOW_S = 0.25
LINK_PATIENCE_S = 10.0


class Network(Proxy):
    """Between devices and the platform; across `link` where there is one."""

    def __init__(self, target: int, rng: random.Random, link: Link | None = None) -> None:
        super().__init__()
        self.port, self._across = free_ports(2)
        self._link = link
        self._target, self._rng = target, rng
        self._weather: Weather = "fair"

    def weather(self, now: Weather) -> None:
        """From now on. A cut, and the end of half-open, end what there was."""
        if self._link is not None:
            self._link.breaks(now if now in OF_A_LINK else None)
        before, self._weather = self._weather, now
        if now == "cut" or before == "half-open":
            self._loop.call_soon_threadsafe(self._end_all)

    async def _serve(self) -> list[asyncio.Server]:
        servers = [await asyncio.start_server(self._take, "127.0.0.1", self.port)]
        if self._link is not None:
            servers.append(await asyncio.start_server(self._arrive, self._link.near, self._across))
        return servers

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What a device opens; to the platform, or to the other end of the link."""
        if self._weather == "cut":
            writer.transport.abort()
        else:
            await self._join(reader, writer, self._out)

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What comes across the link."""
        await self._join(reader, writer, self._to_platform)

    async def _out(self) -> Streams:
        if self._link is None:
            return await self._to_platform()
        there = self._link.socket()
        try:
            await asyncio.wait_for(self._loop.sock_connect(there, (self._link.near, self._across)), LINK_PATIENCE_S)
        except BaseException:
            there.close()
            raise
        return await asyncio.open_connection(sock=there)

    async def _to_platform(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
