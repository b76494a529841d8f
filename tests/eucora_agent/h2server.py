"""A real HTTP/2 server over TLS 1.3 on loopback, one thread, that answers, and misbehaves, as it is told."""

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request, whole."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """One answer, or a way of not giving one: `trick` is early, drop, goaway, reset, silent or no-body-wanted."""

    status: int = 200
    body: bytes = b"{}"
    headers: Headers = field(default_factory=list)
    trick: str = ""


Answer = Callable[[Asked], Told]


@dataclass
class Server:
    """`asked` holds every request that came whole; `connections` counts."""

    port: int
    authority: Path
    answer: Answer
    window: int = 65_535
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def serve_one(self, sock: ssl.SSLSocket) -> None:
        self.connections += 1
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        conn.initiate_connection()
        conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.window})
        open_requests: dict[int, Asked] = {}
        sock.sendall(conn.data_to_send())
        while data := sock.recv(65_536):
            for event in conn.receive_data(data):
                if not self._take(event, conn, open_requests):
                    with suppress(OSError):
                        sock.sendall(conn.data_to_send())
                    return
            sock.sendall(conn.data_to_send())

    def _take(self, event: h2.events.Event, conn: h2.connection.H2Connection, open_: dict[int, Asked]) -> bool:
        """False ends the connection."""
        if isinstance(event, h2.events.RequestReceived):
            open_[event.stream_id] = Asked(dict(event.headers), b"")  # type: ignore[arg-type]
            told = self.answer(open_[event.stream_id])
            if told.trick == "early":
                self._send(conn, event.stream_id, told)
            return told.trick != "drop"
        if isinstance(event, h2.events.DataReceived) and event.stream_id in open_:
            known = open_[event.stream_id]
            open_[event.stream_id] = Asked(known.headers, known.body + event.data)
            if self.answer(known).trick == "drop-in-body":
                return False
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if isinstance(event, h2.events.StreamEnded) and event.stream_id in open_:
            return self._end(conn, event.stream_id, open_.pop(event.stream_id))
        return True

    def _end(self, conn: h2.connection.H2Connection, stream: int, asked: Asked) -> bool:
        self.asked.append(asked)
        told = self.answer(asked)
        if told.trick == "goaway":
            conn.close_connection()
            return False
        if told.trick == "reset":
            conn.reset_stream(stream)
        elif told.trick != "silent" and told.trick != "early":
            self._send(conn, stream, told)
        return True

    def _send(self, conn: h2.connection.H2Connection, stream: int, told: Told) -> None:
        conn.send_headers(stream, [(":status", str(told.status)), *told.headers])
        body = told.body
        while body:
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(body))
            conn.send_data(stream, body[:room])
            body = body[room:]
        conn.end_stream(stream)


@contextmanager
def running(folder: Path, answer: Answer, window: int = 65_535) -> Iterator[Server]:
    """Serves until the end of the block."""
    authority, context = certified(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1], authority, answer, window)
    held: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                held.append(plain)
                threading.Thread(target=one, args=(plain,), daemon=True).start()

    def one(plain: socket.socket) -> None:
        with suppress(OSError, h2.exceptions.ProtocolError), context.wrap_socket(plain, server_side=True) as sock:
            server.serve_one(sock)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for sock in held:
            with suppress(OSError):
                sock.close()


def certified(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that is its own authority, and the server's side of TLS."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "authority.pem", folder / "server.key"
    authority.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    context.set_alpn_protocols(["h2"])
    return authority, context
