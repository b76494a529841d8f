"""HTTP/2 over TLS 1.3, one connection, one request at a time: h2 speaks, ssl carries. Chosen by weight: docs/decisions."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from eucora_agent import moment
from eucora_agent.problems import Stalled, Unreachable

MOST_ANSWER = 2**22
"""Bytes of an answer: the largest, a configuration, has some thousands."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def tls(authorities: Path, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """The platform's own authorities and nobody else's; the device's certificate and key where a plane wants them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(authorities)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    context.set_alpn_protocols(["h2"])
    return context


class Connection:
    """Opened when it is needed, kept while it lasts."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 443
        self._authority = parts.netloc.rpartition("@")[2]
        self.socket: ssl.SSLSocket | None = None
        self._h2: h2.connection.H2Connection | None = None
        self._context, self._timeout_s = context, timeout_s

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """One request, within the time it may take. Raises Unreachable or Stalled: nothing is known of what became of it."""
        kept = self.socket is not None
        try:
            return self._ask(method, path, headers, body)
        except (OSError, h2.exceptions.ProtocolError, _Ended) as exc:
            begun = self.socket is not None
            self.close()
            if not kept:
                raise (Stalled if begun else Unreachable)(_words(exc)) from exc
        return self.ask(method, path, headers, body)  # a kept connection may have died while nobody looked

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = self._h2 = None

    def _open(self) -> tuple[ssl.SSLSocket, h2.connection.H2Connection]:
        if self.socket is None or self._h2 is None:
            plain = socket.create_connection((self.host, self.port), self._timeout_s)
            self.socket = self._context.wrap_socket(plain, server_hostname=self.host)
            if self.socket.selected_alpn_protocol() != "h2":
                raise _Ended("no HTTP/2")
            self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            self._h2.initiate_connection()
        return self.socket, self._h2

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        deadline_s = moment.read().monotonic_s + self._timeout_s
        sock, conn = self._open()
        stream = conn.get_next_available_stream_id()
        target = {":method": method, ":path": path, ":scheme": "https", ":authority": self._authority}
        conn.send_headers(stream, [*target.items(), *headers.items()], end_stream=not body)
        reply, rest, unsent = _Reply(stream), memoryview(body), False
        while not reply.ended:
            rest = _send(conn, stream, rest)
            left_s = deadline_s - moment.read().monotonic_s
            if left_s <= 0:
                raise TimeoutError
            sock.settimeout(left_s)
            sock.sendall(conn.data_to_send())
            data = sock.recv(65_536)
            if not data:
                raise _Ended("closed")
            for event in conn.receive_data(data):
                reply.take(event, conn)
            if reply.headers and len(rest):  # answered before the end: the rest is not wanted
                rest, unsent = rest[len(rest) :], True
        if unsent and not reply.was_reset:
            conn.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        sock.sendall(conn.data_to_send())
        return Response(int(reply.headers[":status"]), reply.headers, bytes(reply.body))


def _send(conn: h2.connection.H2Connection, stream: int, rest: memoryview) -> memoryview:
    """As much as the windows allow; what is left."""
    while len(rest) and (room := min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size)) > 0:
        conn.send_data(stream, rest[:room].tobytes(), end_stream=len(rest) <= room)
        rest = rest[room:]
    return rest


class _Ended(Exception):
    """The connection ended in the middle."""


class _Reply:
    """What one stream has answered so far."""

    def __init__(self, stream: int) -> None:
        self.stream, self.ended, self.was_reset = stream, False, False
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def take(self, event: h2.events.Event, conn: h2.connection.H2Connection) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            raise _Ended("terminated")
        if getattr(event, "stream_id", None) != self.stream:
            return
        if isinstance(event, h2.events.ResponseReceived):
            self.headers = {_text(k): _text(v) for k, v in event.headers}
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data
            if len(self.body) > MOST_ANSWER:
                raise _Ended("the answer is too large")
            conn.acknowledge_received_data(event.flow_controlled_length, self.stream)
        elif isinstance(event, h2.events.StreamReset):
            if not self.headers:
                raise _Ended("reset")
            self.ended = self.was_reset = True
        elif isinstance(event, h2.events.StreamEnded):
            self.ended = True


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _words(exc: Exception) -> str:
    """What kind of failure, without addresses or names."""
    return getattr(exc, "verify_message", "") or type(exc).__name__
