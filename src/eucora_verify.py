"""Verify a completeness statement of EUCORA with public keys alone: `python eucora_verify.py statement.jsonl --key KEY`.

Needs Python 3.11 and the package `cryptography`; nothing of EUCORA. The format: docs/reference/completeness-statement.md.

What is checked, in this order:
  1  the last line signs all lines before it, under the platform's key (given as --key, or the one that the statement names)
  2  every batch is signed by a key of the device that the head names, and each key's id is its thumbprint (RFC 7638)
  3  every batch names this installation and this device
  4  within a stream, the digest of a batch is what its successor names as the one before: nothing was cut out or exchanged
  5  what the batches account for, added up anew, is what the statement claims: which items, which of them are missing
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Ranges = list[tuple[int, int]]
WHOLE, MISSING, FALSE = 0, 1, 2
"""How the command ends: all is accounted for · something is missing, as the statement says · the statement is not true."""


class Untrue(Exception):
    """The statement does not hold; the message says where."""


@dataclass
class Stream:
    """What one stream's batches said so far."""

    sequence: int = 0
    digest: bytes = b""
    ranges: Ranges = field(default_factory=list)
    gone: Ranges = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    first: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a true statement proves. `missing` and `gone`: (stream, first item, last item)."""

    installation: str
    device: str
    batches: int
    items: int
    missing: list[tuple[str, int, int]]
    gone: list[tuple[str, int, int]]
    stated_by: str


def verify(lines: Iterable[bytes], platform_key: bytes | None = None) -> Verdict:
    """Raises Untrue. `platform_key`: 32 raw bytes of Ed25519; None trusts the key that the statement names."""
    kept = list(lines)
    if len(kept) < 3:
        raise Untrue("it has fewer than three lines: it was cut off")
    head, end, seal = (parsed(kept[n], n) for n in (0, -2, -1))
    if (head.get("kind"), head.get("version")) != ("eucora-completeness", 1):
        raise Untrue("line 1 is not the head of a completeness statement of version 1")
    named = base64.b64decode(head["stated_by"]["public_key"])
    check_seal(kept[:-1], seal, platform_key or named)
    keys = {each["keyid"]: key_of(each) for each in head["keys"]}
    streams: dict[str, Stream] = {}
    for number, line in enumerate(kept[1:-2], 2):
        follow(streams, parsed(line, number), head, keys, number)
    if end["batches"] != len(kept) - 3:
        raise Untrue(f"{end['batches']} batches are claimed, and {len(kept) - 3} are there")
    missing = check_claims(streams, end["claims"])
    return Verdict(
        head["installation"],
        head["device"],
        len(kept) - 3,
        sum(last - first + 1 for each in streams.values() for first, last in joined(each.ranges)),
        missing,
        [(name, first, last) for name, each in streams.items() for first, last in joined(each.gone)],
        seal["keyid"],
    )


def parsed(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as exc:
        raise Untrue(f"line {number + 1 if number >= 0 else number} is not JSON") from exc
    if not isinstance(found, dict):
        raise Untrue(f"line {number} is no object")
    return found


def check_seal(lines: list[bytes], seal: dict[str, Any], raw: bytes) -> None:
    """1. Ed25519 over the SHA-256 of all lines before, line feeds included."""
    digest = hashlib.sha256(b"".join(lines)).digest()
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(seal["signature"]), digest)
    except (InvalidSignature, ValueError, KeyError) as exc:
        raise Untrue("the platform's signature over the statement does not hold under this key") from exc
    if seal["keyid"] != thumbprint(ed25519.Ed25519PublicKey.from_public_bytes(raw)):
        raise Untrue("the last line names another key than the one it was signed with")


def key_of(told: dict[str, str]) -> Any:
    """2. A device's public key (DER, SubjectPublicKeyInfo), whose id is its thumbprint."""
    key = serialization.load_der_public_key(base64.b64decode(told["public_key"]))
    if thumbprint(key) != told["keyid"]:
        raise Untrue(f"key {told['keyid']} is not what its id says")
    return key


def thumbprint(key: Any) -> str:
    """RFC 7638: base64url of the SHA-256 of the canonical JWK."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": url64(raw)}
    else:
        n = key.public_numbers()
        jwk = {"crv": "P-256", "kty": "EC", "x": url64(n.x.to_bytes(32, "big")), "y": url64(n.y.to_bytes(32, "big"))}
    return url64(hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest())


def url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def follow(
    streams: dict[str, Stream], batch: dict[str, Any], head: dict[str, Any], keys: dict[str, Any], number: int
) -> None:
    """2, 3 and 4 of one batch; what it accounts for is added to its stream."""
    base = batch["base"].encode()
    check_signature(keys, batch, base, number)
    said = headers(batch["base"], number)
    if (said["eucora-installation"], said["eucora-device"]) != (head["installation"], head["device"]):
        raise Untrue(f"line {number} is of another device or installation")
    name, sequence = said["eucora-stream"], int(said["eucora-sequence"])
    if (name, sequence) != (batch["stream"], batch["sequence"]):
        raise Untrue(f"line {number} is not the batch that it says it is")
    stream = streams.setdefault(name, Stream())
    if sequence <= stream.sequence:
        raise Untrue(f"line {number}: batch {sequence} stands behind {stream.sequence}")
    previous = said["eucora-previous"]
    if sequence == stream.sequence + 1 and stream.digest and previous not in ("lost", digest_text(stream.digest)):
        raise Untrue(f"line {number}: batch {sequence} does not follow the one before it: the chain is broken")
    first, last = (int(n) for n in said["eucora-items"].split(";")[0].split("-"))
    stream.first = stream.first or first
    stream.sequence, stream.digest = sequence, hashlib.sha256(base).digest()
    stream.ranges.append((first, last))
    stream.gone += list(tombstones(said["eucora-items"]))
    for known in lost_items(said.get("eucora-lost", "")):
        stream.ranges.append(known)
        stream.gone.append(known)


def check_signature(keys: dict[str, Any], batch: dict[str, Any], base: bytes, number: int) -> None:
    key, signature = keys.get(batch["keyid"]), base64.b64decode(batch["signature"])
    if key is None:
        raise Untrue(f"line {number} is signed by a key that the head does not name")
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, base)
        else:
            r, s = (int.from_bytes(signature[n : n + 32], "big") for n in (0, 32))
            key.verify(encode_dss_signature(r, s), base, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as exc:
        raise Untrue(f"line {number}: the device's signature does not hold") from exc
    if f'keyid="{batch["keyid"]}"' not in batch["base"] or 'tag="eucora-telemetry"' not in batch["base"]:
        raise Untrue(f"line {number} was signed as something else")


def headers(base: str, number: int) -> dict[str, str]:
    """The covered headers of a signature base (RFC 9421): one line each, `"name": value`; parameters last."""
    lines = base.split("\n")
    if not lines[-1].startswith('"@signature-params": '):
        raise Untrue(f"line {number} is no signature base")
    return dict(line[1:].split('": ', 1) for line in lines[:-1])


def tombstones(items: str) -> Iterator[tuple[int, int]]:
    """`12-40;shed=13-15+20` tells that 13 to 15 and 20 travel no more."""
    for part in items.split(";")[1:]:
        for run in part.partition("=")[2].split("+"):
            first, _, last = run.partition("-")
            yield int(first), int(last or first)


def lost_items(header: str) -> Iterator[tuple[int, int]]:
    """`7=100-120:corrupt` tells of a batch that the device lost with items 100 to 120; `7=:corrupt` knows of none."""
    for match in re.finditer(r"\d+=(\d+)-(\d+):", header):
        yield int(match[1]), int(match[2])


def digest_text(digest: bytes) -> str:
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def joined(ranges: Ranges) -> Ranges:
    """The same numbers in as few ranges as there are."""
    found: Ranges = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def check_claims(streams: dict[str, Stream], claims: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """5. Which items are missing, when the statement says just that. Raises Untrue."""
    told = {each["stream"]: each for each in claims}
    if told.keys() != streams.keys():
        raise Untrue("the statement claims something of other streams than its batches are of")
    missing = []
    for name, stream in streams.items():
        have = [(first, last) for first, last in joined(stream.ranges) if last >= stream.first]
        holes = [(a[1] + 1, b[0] - 1) for a, b in pairwise(have)]
        claim = told[name]
        if (claim["first"], claim["last"]) != (stream.first, have[-1][1]):
            raise Untrue(f"stream {name}: items {claim['first']} to {claim['last']} are claimed, others are there")
        if [tuple(each) for each in claim["missing"]] != holes:
            raise Untrue(f"stream {name}: other items are missing than the statement says")
        missing += [(name, first, last) for first, last in holes]
    return missing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("statement", type=Path)
    parser.add_argument("--key", help="the platform's public key, base64 of 32 bytes, from a source that you trust")
    given = parser.parse_args()
    try:
        with given.statement.open("rb") as lines:
            found = verify(lines, base64.b64decode(given.key) if given.key else None)
    except (Untrue, KeyError, TypeError, ValueError) as exc:
        print(f"NOT TRUE: {exc}")
        return FALSE
    print(f"True: {found.batches} batches of device {found.device} account for {found.items} items.")
    print(f"Stated by {found.stated_by}{'' if given.key else ', a key that the statement itself names'}.")
    for name, first, last in found.gone:
        print(f"  gone by the device's own word: {first} to {last} of stream {name}")
    for name, first, last in found.missing:
        print(f"  MISSING: {first} to {last} of stream {name}")
    return MISSING if found.missing else WHOLE


def run() -> None:
    """The command of the distribution."""
    sys.exit(main())


if __name__ == "__main__":
    run()
