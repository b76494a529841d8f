"""Plays the stranger at our own door: no certificate, and one of his own making. Both must be turned away."""

import asyncio
import ssl
import tempfile
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from eucora.gateway.authority import Authority
from eucora.gateway.certificates import pkcs8, self_signed
from eucora.problems import Misconfigured

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""RFC 9113 §3.4, and an empty SETTINGS frame: an open door answers with its own."""

PATIENCE_S = 5.0
START_LIMIT_S = 20.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not by us


KNOCKS = 12
"""Where gateways share a port, a knock comes to one of them by chance: so many for each miss one in 160,000 times."""


async def require_closed(host: str, port: int, authority: Authority, now: datetime, shared_by: int = 1) -> None:
    """Return when the door lets in who has our certificate, and nobody else. Raises Misconfigured."""
    host = EVERYWHERE.get(host, host)
    key = ec.generate_private_key(ec.SECP256R1())
    ours = authority.sign_device(key.public_key(), uuid.UUID(int=0), now, 1 / 12).pem.encode()
    theirs = self_signed("stranger", key, now, now + timedelta(minutes=5)).public_bytes(Encoding.PEM)
    await _opened(host, port, _context(authority, ours + pkcs8(key)))
    for stranger, identity in (("without a certificate", b""), ("with a certificate of its own", theirs + pkcs8(key))):
        context, knocks = _context(authority, identity), 1 if shared_by == 1 else KNOCKS * shared_by
        if any(await asyncio.gather(*(let_in(host, port, context) for _ in range(knocks)))):
            raise Misconfigured(
                f"the device plane on port {port} lets in a client {stranger}: the gateway was stopped; "
                "check authority/trusted.pem in the data directory"
            )


async def _opened(host: str, port: int, context: ssl.SSLContext) -> None:
    """The positive half: without it a dead port would pass for a closed door."""
    loop = asyncio.get_running_loop()
    until = loop.time() + START_LIMIT_S
    while loop.time() < until:
        if await let_in(host, port, context):
            return
        await asyncio.sleep(0.05)
    raise Misconfigured(f"the device plane on port {port} does not answer its own certificate: see the gateway's log")


async def let_in(host: str, port: int, context: ssl.SSLContext) -> bool:
    """Whether anything but an alert comes back. In TLS 1.3 a refusal comes after the client's handshake."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                writer.write(PREFACE)
                return bool(await reader.read(9))
            finally:
                writer.close()
    except (OSError, TimeoutError):  # ssl.SSLError is an OSError
        return False


def _context(authority: Authority, identity: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.trusted)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    if identity:
        with tempfile.TemporaryDirectory(prefix="eucora-") as folder:
            file = Path(folder) / "identity.pem"
            file.write_bytes(identity)
            context.load_cert_chain(file)
    return context
