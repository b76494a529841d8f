"""Enrolment and renewal: a CSR against a short-lived certificate.

Runs in a process of its own that ends afterwards: x509 weighs 10 MB, and the agent has 45.
"""

from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from eucora_agent import VERSION, durable, identity, keys, moment
from eucora_agent.ask import good, read_as, signed
from eucora_agent.http2 import Connection, tls
from eucora_agent.identity import Identity
from eucora_agent.settings import Settings
from eucora_wire.enrol import Enrolled, EnrolRequest, RenewRequest
from eucora_wire.envelope import PrivateKey


def enrol(settings: Settings, url: str, authorities: Path, token: str) -> Identity:
    """Make a key, have it certified, keep what the platform says. Raises Refused, TryLater, OSError."""
    folder = durable.private_folder(settings.dir)
    key = keys.make(settings.key)
    to = Connection(url, tls(authorities), settings.timeout_s)
    request = msgspec.json.encode(EnrolRequest(token=token, csr=csr(key), agent_version=VERSION))
    try:
        told = good(to.ask("POST", "/v1/enrol", {"content-type": "application/json"}, request))
    finally:
        to.close()
    return identity.keep(folder, read_as(told, Enrolled), key, url, moment.read().now)


def renew(settings: Settings) -> Identity:
    """A new certificate for the same key, asked for by its signature: an expired one strands nobody."""
    who, key = identity.load(settings.dir), keys.load(settings.dir / identity.KEY)
    to = Connection(who.enrolment, tls(settings.dir / identity.AUTHORITIES), settings.timeout_s)
    at = moment.read()
    body = msgspec.json.encode(RenewRequest(csr=csr(key)))
    try:
        told = signed(to, who, key, at, "POST", "/v1/renew", body, "eucora-renew")
    finally:
        to.close()
    return identity.keep(settings.dir, read_as(told, Enrolled), key, who.enrolment, at.now)


def csr(key: PrivateKey) -> str:
    """PEM. The platform gives the name."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "eucora-agent")])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    return request.public_bytes(Encoding.PEM).decode()
