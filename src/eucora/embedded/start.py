"""Starts the embedded servers that are wanted, all at once, and hands out where they are."""

import contextlib
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from eucora.embedded import postgres, seaweedfs, valkey
from eucora.embedded.binaries import postgres_bindir
from eucora.embedded.datadir import DataDir, open_data_dir
from eucora.embedded.ports import is_free, remembered_ports
from eucora.embedded.supervise import Child, Program, Report
from eucora.stores.ports import S3Endpoint

ALL = frozenset({"postgres", "valkey", "s3"})


@dataclass(frozen=True, slots=True)
class Embedded:
    """The servers that run, by name, and where they are; a URL is empty when its server was not wanted."""

    data: DataDir
    servers: dict[str, Child]
    postgres_url: str = field(default="", repr=False)
    postgres_owner_url: str = field(default="", repr=False)
    postgres_keys_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    s3: S3Endpoint | None = None

    def stop(self) -> None:
        """Stop them all, PostgreSQL last, then let go of the data directory."""
        stop_all(self.servers)
        self.data.close()


def start_embedded(data_dir: Path, wanted: frozenset[str], report: Report) -> Embedded:
    """Hold the data directory, start the servers in `wanted` (a part of ALL), and return when all are ready.

    `report` is handed a server's name and what happens to it, from any thread, for as long as it runs. Raises
    EmbeddedError, one sentence with the mend; then nothing runs.
    """
    data = open_data_dir(data_dir)
    running = Embedded(data, {})
    with contextlib.ExitStack() as undo:
        undo.callback(running.stop)
        ports = _ports(data)
        if "valkey" in wanted:
            _begin(running, valkey.program(data, ports["valkey"]), report)
            running = dataclasses.replace(running, redis_url=valkey.url(data, ports["valkey"]))
        if "s3" in wanted:
            _begin(running, seaweedfs.program(data, ports), report)
            running = dataclasses.replace(running, s3=_endpoint(data, ports["s3"]))
        if "postgres" in wanted:  # the last to begin: making its cluster takes longest, the others start meanwhile
            running = _with_postgres(running, postgres_bindir(data.account), ports["postgres"], report)
        for server in running.servers.values():
            server.wait_ready()
        undo.pop_all()
    return running


def stop_all(servers: dict[str, Child]) -> None:
    """Stop children at once, but PostgreSQL after all others."""
    others = [server for name, server in servers.items() if name != "postgres"]
    for server in others:
        server.ask_to_stop()
    for server in (*others, *(server for name, server in servers.items() if name == "postgres")):
        server.stop()


def _begin(running: Embedded, program: Program, report: Report) -> None:
    report(program.name, "starting")
    child = running.servers[program.name] = Child(program, report)
    child.start()


def _with_postgres(running: Embedded, bindir: Path, port: int, report: Report) -> Embedded:
    data = running.data
    folder = postgres.ensure_cluster(data, bindir)
    _begin(running, postgres.program(data, bindir, folder, port), report)
    return dataclasses.replace(
        running,
        postgres_url=postgres.url(data, postgres.APP, folder, port),
        postgres_owner_url=postgres.url(data, postgres.OWNER, folder, port),
        postgres_keys_url=postgres.url(data, postgres.KEYS, folder, port),
    )


def _ports(data: DataDir) -> dict[str, int]:
    def usable(name: str, port: int) -> bool:
        return seaweedfs.usable(port, data.account.uid) if name in seaweedfs.PORTS else is_free(port)

    return remembered_ports(data.path / "ports.json", ("postgres", "valkey", *seaweedfs.PORTS), usable)


def _endpoint(data: DataDir, port: int) -> S3Endpoint:
    keys = seaweedfs.credentials(data, seaweedfs.APP)
    return S3Endpoint(f"http://127.0.0.1:{port}", keys.access_key, keys.secret_key)
