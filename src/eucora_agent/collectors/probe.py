"""How long a TCP handshake takes, several at once, without a thread."""

import select
import socket
import time
from errno import ECONNREFUSED, EINPROGRESS

# Linux repeats a SYN after one second: a handshake that takes longer has lost a packet on the way (RFC 6298, 2.1).
LOST_AFTER_S = 0.95
ANSWERED = (0, ECONNREFUSED)
"""A refusal is an answer too: the packets went there and back."""


def handshakes(gateway: tuple[str, int], count: int) -> list[float | None]:
    """Seconds of each handshake, None for one that was lost; all are lost where the name has no address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*gateway, type=socket.SOCK_STREAM)[0]
    except OSError:
        return [None] * count
    waiting = {}
    try:
        for _ in range(count):
            s = socket.socket(family, kind, protocol)
            s.setblocking(False)
            waiting[s.fileno()] = (s, time.monotonic(), s.connect_ex(address))
        return _settle(waiting)
    finally:
        for s, _, _ in waiting.values():
            s.close()


def _settle(waiting: dict[int, tuple[socket.socket, float, int]]) -> list[float | None]:
    """Waits until all have answered or the last is lost."""
    took = {fd: 0.0 for fd, (_, _, code) in waiting.items() if code in ANSWERED}
    poll = select.poll()
    for fd, (_, _, code) in waiting.items():
        if code == EINPROGRESS:
            poll.register(fd, select.POLLOUT)
    pending = {fd for fd, (_, _, code) in waiting.items() if code == EINPROGRESS}
    until = max(start for _, start, _ in waiting.values()) + LOST_AFTER_S
    while pending and (left_s := until - time.monotonic()) > 0:
        for fd, _ in poll.poll(left_s * 1000):
            connection, start, _ = waiting[fd]
            poll.unregister(fd)
            pending.discard(fd)
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in ANSWERED:
                took[fd] = time.monotonic() - start
    return [took.get(fd) for fd in waiting]
