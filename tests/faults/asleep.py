"""A worker that falls asleep in the middle of a COPY, as a paused virtual machine does: the server waits for its rows."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

from bench.own import free_ports
from tests.faults.killing import environment_of, pid_of, stopped
from tests.platform import Up

COPY = b'COPY "hot_metrics"'
HEADER = 5
"""A message of PostgreSQL begins with its kind and four bytes that say how long the rest is."""


@contextmanager
def asleep_in_a_copy(up: Up) -> Iterator[None]:
    """A second worker on the same stores, which the first let have its places; awake again at the end of the block."""
    environ = environment_of(up, "pipeline")
    with Holding(environ["EUCORA_POSTGRES_URL"]) as way, open(up.data_dir.parent / "second.log", "ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "eucora.cli.main", "serve", "pipeline"],
            env=environ | {"EUCORA_POSTGRES_URL": way.url},
            stdout=log,
            stderr=log,
        )
        try:
            with stopped(pid_of(up, "pipeline")):
                assert way.holds.wait(60), "it came to no COPY"
                os.kill(worker.pid, signal.SIGSTOP)
            yield
        finally:
            os.kill(worker.pid, signal.SIGCONT)
            worker.terminate()
            worker.wait(30)


class Holding:
    """A way to PostgreSQL that lets the first COPY begin, and none of its rows pass; everything else does."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        self._host, self._at = asked.get("host") or parts.hostname or "", asked.get("port") or parts.port
        (self._port,) = free_ports(1)
        who = parts.netloc.rpartition("@")[0]
        self.url = f"postgresql://{who}@127.0.0.1:{self._port}{parts.path}?sslmode=disable"
        self.holds = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Holding":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._take, "127.0.0.1", self._port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._open()
        ways = [asyncio.ensure_future(each) for each in (self._there(reader, back), self._back(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            for stream in (back, writer):
                stream.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._at}")
        return await asyncio.open_connection(self._host, self._at)

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                at = -1 if self.holds.is_set() else data.find(COPY)
                if at >= HEADER:
                    start = at - HEADER
                    writer.write(data[: start + 1 + int.from_bytes(data[start + 1 : at], "big")])
                    self.holds.set()
                    await asyncio.Event().wait()  # until the server has had enough of it
                writer.write(data)
                await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
