"""A worker that falls asleep in the middle of a COPY, as a paused virtual machine does: the server waits for its rows."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

from bench.own import free_ports
from tests.faults.killing import environment_of, pid_of, stopped
from tests.faults.proxy import PIECE, Proxy, Streams
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


class Holding(Proxy):
    """A way to PostgreSQL that lets the first COPY begin, and none of its rows pass; everything else does."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        self._host, self._at = asked.get("host") or parts.hostname or "", asked.get("port") or parts.port
        (self._port,) = free_ports(1)
        who = parts.netloc.rpartition("@")[0]
        self.url = f"postgresql://{who}@127.0.0.1:{self._port}{parts.path}?sslmode=disable"
        self.holds = threading.Event()

    async def _serve(self) -> list[asyncio.Server]:
        return [await asyncio.start_server(lambda *of: self._join(*of, self._postgres), "127.0.0.1", self._port)]

    async def _postgres(self) -> Streams:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._at}")
        return await asyncio.open_connection(self._host, self._at)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            at = -1 if self.holds.is_set() else piece.find(COPY)
            if at >= HEADER:
                start = at - HEADER
                writer.write(piece[: start + 1 + int.from_bytes(piece[start + 1 : at], "big")])
                self.holds.set()
                await asyncio.Event().wait()  # until the server has had enough of it, and ends the connection
            writer.write(piece)
            await writer.drain()
