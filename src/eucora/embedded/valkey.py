"""Valkey as a child: rate limits, wake-ups and live fan-out, all in memory. Losing it loses nothing."""

import socket

from eucora.embedded.binaries import valkey_server
from eucora.embedded.datadir import DataDir
from eucora.embedded.supervise import Program

# Its configuration comes by standard input: the password is never on a command line.
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 128mb
maxmemory-policy allkeys-lru
daemonize no
"""


def program(data: DataDir, port: int) -> Program:
    """The server; ready when it answers a ping."""
    password = data.secret("valkey.password")
    return Program(
        name="valkey",
        argv=(str(valkey_server(data.account)), "-"),
        log=data.own_folder("logs") / "valkey.log",
        ready=lambda pid: answers(port, password),
        account=data.account,
        cwd=data.servers_folder("valkey"),
        stdin=CONFIGURATION.format(port=port, password=password).encode(),
    )


def url(data: DataDir, port: int) -> str:
    """Where it listens, with its password."""
    return f"redis://:{data.secret('valkey.password')}@127.0.0.1:{port}/0"


def answers(port: int, password: str) -> bool:
    """Whether the server at this port takes the password and answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as server, server.makefile("rb") as said:
        server.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        return said.readline() == b"+OK\r\n" and said.readline() == b"+PONG\r\n"
