"""A platform of the benchmark's own: fresh data, free ports, no agent, gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

START_LIMIT_S = 120.0
PORTS = ("EUCORA_DEVICE_PORT", "EUCORA_ENROLMENT_PORT", "EUCORA_OPERATOR_PORT")
RATE = "1000000"
"""Requests a second that one device may send: a few hundred devices stand for a fleet here."""


@contextmanager
def platform(**settings: str) -> Iterator[Path]:
    """The data directory of a platform that runs as long as the block. Raises RuntimeError when it does not come up."""
    folder = Path(tempfile.mkdtemp(prefix="eucora-"))
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")}
    environ |= {"EUCORA_DATA_DIR": str(folder / "data"), "EUCORA_DEVICE_RATE": RATE, **ports, **settings}
    log = folder / "up.log"
    with log.open("w") as out:
        argv = [sys.executable, "-m", "eucora.cli.main", "up", "--no-agent"]
        process = subprocess.Popen(argv, env=environ, stdout=out, stderr=out)
    try:
        _await(process, log)
        yield folder / "data"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(folder)


def owner_url(data_dir: Path) -> str:
    """PostgreSQL of a running platform, as the owner of its tables."""
    folder = data_dir / "postgres"
    password = (data_dir / "secrets" / "eucora_owner.password").read_text().strip()
    port = (folder / "postmaster.pid").read_text().splitlines()[3]
    return (
        f"postgresql://eucora_owner:{quote(password, safe='')}@/eucora?host={quote(str(folder), safe='')}&port={port}"
    )


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody held a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def _await(process: "subprocess.Popen[bytes]", log: Path) -> None:
    began = time.monotonic()
    while "EUCORA is up" not in log.read_text():
        if process.poll() is not None or time.monotonic() - began > START_LIMIT_S:
            raise RuntimeError(f"the platform did not come up: {log.read_text()[-2000:]}")
        time.sleep(0.1)
