"""Headers, digests, signature base: HTTP Message Signatures (RFC 9421) over content-digest (RFC 9530). Pure.

A batch is sealed once and sent byte for byte until settled; neither authority nor path is covered, so it stays valid
when the gateway moves. Steps of `verify`, each with its own failure: 1 parse the signature's input, 2 every required
component is covered and present, 3 the key holds the signature over the base. 4, the body against its digest, is
`digest_matches`: it needs the body, the signature does not.
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from msgspec import Meta, Struct

from eucora_wire import sequence as seq
from eucora_wire.clock import Boot, format_boot, parse_boot

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
Algorithm = Literal["ed25519", "ecdsa-p256-sha256"]
Ordinal = Annotated[int, Meta(ge=1, le=seq.MAX_ORDINAL)]

_T = TypeVar("_T")

TAG = "eucora-telemetry"
LABEL = "eucora"
CONTENT_TYPE = "application/json"
REQUIRED = (
    "content-digest",
    "content-type",
    "content-encoding",
    "eucora-schema",
    "eucora-installation",
    "eucora-device",
    "eucora-policy",
    "eucora-boot",
    "eucora-stream",
    "eucora-sequence",
    "eucora-items",
    "eucora-previous",
    "eucora-clock",
)
OPTIONAL = ("eucora-subject", "eucora-lost", "eucora-voids")
"""Covered whenever present: a header of ours that is sent but not signed is refused."""

_INPUT = re.compile(
    LABEL + r'=(\(([a-z" -]+)\);created=([0-9]{1,12});keyid="([A-Za-z0-9_-]{43})"'
    r';alg="(ed25519|ecdsa-p256-sha256)";tag="([a-z-]+)")'
)
_COMPONENTS = re.compile(r'"[a-z-]+"(?: "[a-z-]+")*')
_SIGNATURE = re.compile(LABEL + r"=:([A-Za-z0-9+/]+={0,2}):")
_CONTENT_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


class BadHeader(ValueError):
    """A header is missing or malformed: {name}."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Unsigned(ValueError):
    """The request is not signed as the contract has it."""


class BadSignature(ValueError):
    """The signature does not hold."""


class Seal(Struct, frozen=True):
    """What a batch says of itself, signed. `previous` is a digest, `none` or `lost`; `clock_ms` the wall at sealing."""

    installation: uuid.UUID
    device: uuid.UUID
    policy: str
    boot: Boot
    stream: uuid.UUID
    sequence: int
    items: seq.Items
    previous: str
    clock_ms: int
    subject: uuid.UUID | None = None
    lost: tuple[seq.Lost, ...] = ()
    voids: int | None = None
    schema: str = "1.0"
    encoding: str = "zstd"


class Envelope(Struct, frozen=True):
    """A sealed batch: the exact bytes that travel. `headers` are lower-case and include both signature headers."""

    headers: dict[str, str]
    body: bytes


class Signed(Struct, frozen=True):
    """A parsed, not yet verified signature: the base it must hold over, and the digest that names the batch."""

    keyid: str
    algorithm: Algorithm
    signature: bytes
    base: bytes
    created: int

    @property
    def batch_digest(self) -> bytes:
        """SHA-256 of the signature base: what `eucora-previous` of the next batch holds."""
        return hashlib.sha256(self.base).digest()


def content_digest(body: bytes) -> str:
    """RFC 9530: `sha-256=:…:` over the bytes as they travel."""
    return format_digest(hashlib.sha256(body).digest())


def format_digest(digest: bytes) -> str:
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def parse_digest(text: str) -> bytes:
    """32 bytes. Raises ValueError."""
    match = _CONTENT_DIGEST.fullmatch(text)
    if match is None:
        raise ValueError("not a sha-256 digest")
    return base64.b64decode(match[1])


def digest_matches(headers: Mapping[str, str], body: bytes) -> bool:
    """Step 4: whether the body is the one that was signed."""
    return headers.get("content-digest") == content_digest(body)


def signature_base(components: Sequence[tuple[str, str]], params: str) -> bytes:
    """RFC 9421 §2.5: one line a component (`"name": value`), then `"@signature-params": params`, no newline at the end."""
    lines = [f'"{name}": {value}' for name, value in components]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode()


def headers_of(seal: Seal, body: bytes) -> dict[str, str]:
    """The covered headers of a batch, in the order in which they are signed."""
    found = {
        "content-digest": content_digest(body),
        "content-type": CONTENT_TYPE,
        "content-encoding": seal.encoding,
        "eucora-schema": seal.schema,
        "eucora-installation": str(seal.installation),
        "eucora-device": str(seal.device),
        "eucora-policy": seal.policy,
        "eucora-boot": format_boot(seal.boot),
        "eucora-stream": str(seal.stream),
        "eucora-sequence": str(seal.sequence),
        "eucora-items": seq.format_items(seal.items),
        "eucora-previous": seal.previous,
        "eucora-clock": str(seal.clock_ms),
    }
    if seal.subject is not None:
        found["eucora-subject"] = str(seal.subject)
    if seal.lost:
        found["eucora-lost"] = seq.format_lost(seal.lost)
    if seal.voids is not None:
        found["eucora-voids"] = str(seal.voids)
    return found


def seal_batch(seal: Seal, body: bytes, key: PrivateKey) -> Envelope:
    """Sign a batch. `body` is already encoded as `seal.encoding` says."""
    covered = headers_of(seal, body)
    # A wall clock before 1970 is no reason to be silent; `created` can not say it, `eucora-clock` does.
    return Envelope(sign(covered, key, created=max(0, seal.clock_ms // 1000), tag=TAG), body)


def sign(covered: Mapping[str, str], key: PrivateKey, *, created: int, tag: str) -> dict[str, str]:
    """The headers with `signature-input` and `signature` over all of them, in their order."""
    names = " ".join(f'"{name}"' for name in covered)
    algorithm = algorithm_of(key.public_key())
    params = f'({names});created={created};keyid="{thumbprint(key.public_key())}";alg="{algorithm}";tag="{tag}"'
    signature = sign_bytes(key, signature_base(list(covered.items()), params))
    return {
        **covered,
        "signature-input": f"{LABEL}={params}",
        "signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def parse_signed(
    headers: Mapping[str, str],
    *,
    required: Sequence[str] = REQUIRED,
    optional: Sequence[str] = OPTIONAL,
    tag: str = TAG,
) -> Signed:
    """Steps 1 and 2. Raises Unsigned or BadHeader."""
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    value = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if given is None or value is None or given[6] != tag:
        raise Unsigned("signature-input or signature")
    covered = _covered(given[2], tuple(required), headers)
    for name in optional:
        if name in headers and name not in covered:
            raise Unsigned(name)
    try:
        signature = base64.b64decode(value[1], validate=True)
        base = signature_base([(name, headers[name]) for name in covered], given[1])
    except KeyError as exc:
        raise BadHeader(exc.args[0]) from exc
    except ValueError as exc:
        raise Unsigned("signature") from exc
    return Signed(given[4], _algorithm(given[5]), signature, base, int(given[3]))


def _covered(components: str, required: tuple[str, ...], headers: Mapping[str, str]) -> tuple[str, ...]:
    names, uncovered = _components(components, required)
    for name in uncovered:
        raise Unsigned(name) if name in headers else BadHeader(name)
    return names


@lru_cache(maxsize=256)
def _components(text: str, required: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a component list, and those required that are not among them. An agent says the same all its life."""
    names = tuple(text.replace('"', "").split(" "))
    if _COMPONENTS.fullmatch(text) is None or len(set(names)) != len(names):
        raise Unsigned("signature-input")
    return names, tuple(name for name in required if name not in names)


def _algorithm(text: str) -> Algorithm:
    return "ed25519" if text == "ed25519" else "ecdsa-p256-sha256"


def verify(signed: Signed, key: PublicKey) -> None:
    """Step 3. Raises BadSignature when the key is of another algorithm or does not hold."""
    if algorithm_of(key) != signed.algorithm:
        raise BadSignature("algorithm")
    verify_bytes(key, signed.signature, signed.base)


class _Said(Struct, frozen=True, rename="kebab"):
    """The headers of a batch that are numbers and ids, read by msgspec in one go."""

    eucora_installation: uuid.UUID
    eucora_device: uuid.UUID
    eucora_stream: uuid.UUID
    eucora_sequence: Ordinal
    eucora_clock: Annotated[int, Meta(ge=-(10**14), le=seq.MAX_ORDINAL)]
    eucora_subject: uuid.UUID | None = None
    eucora_voids: Ordinal | None = None


_IDS = ("eucora-installation", "eucora-device", "eucora-stream")


def read_seal(headers: Mapping[str, str]) -> Seal:
    """The signed headers as values. Raises BadHeader naming the first that is malformed."""
    try:
        said = msgspec.convert(headers, _Said, strict=False)
    except msgspec.ValidationError as exc:
        raise BadHeader(str(exc).rpartition("$.")[2].rstrip("`")) from exc
    _require_canonical(headers, said)
    return Seal(
        installation=said.eucora_installation,
        device=said.eucora_device,
        policy=_digest_or(headers, "eucora-policy", "none"),
        boot=_parsed(headers, "eucora-boot", parse_boot),
        stream=said.eucora_stream,
        sequence=said.eucora_sequence,
        items=_parsed(headers, "eucora-items", seq.parse_items),
        previous=_digest_or(headers, "eucora-previous", seq.FIRST, seq.LOST),
        clock_ms=said.eucora_clock,
        subject=said.eucora_subject,
        lost=_parsed(headers, "eucora-lost", seq.parse_lost) if "eucora-lost" in headers else (),
        voids=said.eucora_voids,
        schema=headers["eucora-schema"],
        encoding=headers["content-encoding"],
    )


def _require_canonical(headers: Mapping[str, str], said: _Said) -> None:
    """One way to write each value, so that equal values are equal texts."""
    for name in _IDS if said.eucora_subject is None else (*_IDS, "eucora-subject"):
        text = headers[name]
        if len(text) != 36 or text != text.lower():
            raise BadHeader(name)
    if headers["eucora-sequence"] != str(said.eucora_sequence):
        raise BadHeader("eucora-sequence")
    if headers["eucora-clock"] != str(said.eucora_clock):
        raise BadHeader("eucora-clock")
    if said.eucora_voids is not None and headers["eucora-voids"] != str(said.eucora_voids):
        raise BadHeader("eucora-voids")


def _digest_or(headers: Mapping[str, str], name: str, *words: str) -> str:
    text = headers[name]
    if text not in words and _CONTENT_DIGEST.fullmatch(text) is None:
        raise BadHeader(name)
    return text


def _parsed(headers: Mapping[str, str], name: str, parse: Callable[[str], _T]) -> _T:
    try:
        return parse(headers[name])
    except ValueError as exc:
        raise BadHeader(name) from exc


def algorithm_of(key: PublicKey) -> Algorithm:
    """Raises BadSignature for a key that is neither Ed25519 nor on P-256."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa-p256-sha256"
    raise BadSignature("key type")


def sign_bytes(key: PrivateKey, message: bytes) -> bytes:
    """Ed25519: 64 bytes. ECDSA P-256: r‖s, 64 bytes (RFC 9421 §3.3.4)."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify_bytes(key: PublicKey, signature: bytes, message: bytes) -> None:
    """Raises BadSignature."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
            return
        if len(signature) != 64:
            raise BadSignature("length")
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as exc:
        raise BadSignature("signature") from exc


def thumbprint(key: PublicKey) -> str:
    """RFC 7638: base64url SHA-256 of the key's canonical JWK. It is the key id everywhere."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": _b64url(raw)}
    else:
        n = key.public_numbers()
        jwk = {
            "crv": "P-256",
            "kty": "EC",
            "x": _b64url(n.x.to_bytes(32, "big")),
            "y": _b64url(n.y.to_bytes(32, "big")),
        }
    return _b64url(hashlib.sha256(msgspec.json.encode(jwk, order="sorted")).digest())


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
