"""Trained dictionaries for bodies: a frame of zstd names by number the one that it needs (RFC 8878 §3.1.1.1, Dictionary_ID).

Each lies in dictionaries/, unchanged for as long as a body is kept that names it; so none is ever taken away. Numbers from
32,768 are free for private use. How they are made: `python -m docs.dictionary`; what they save: docs/decisions/wire.md.
"""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("dictionaries")
DIGESTS = {32769: "a5af0224197ba15338fe426f45403050045b6441145d61a886c97fbe67bbd3f4"}
"""SHA-256 of each. Another file under the same number would make bodies of what nobody sent."""
PLAIN = 0
"""The number of no dictionary."""

MAGIC = b"\x28\xb5\x2f\xfd"
SINGLE_SEGMENT = 0x20
"""Then the frame has no byte that says its window."""


class UnknownDictionary(Exception):
    """The body names a dictionary that is not here, or whose file is damaged."""


def number_of(body: bytes) -> int:
    """The dictionary that a frame names; PLAIN when it names none, or is no whole frame."""
    if len(body) < 5 or body[:4] != MAGIC:
        return PLAIN
    start = 5 if body[4] & SINGLE_SEGMENT else 6
    end = start + (0, 1, 2, 4)[body[4] & 3]
    return int.from_bytes(body[start:end], "little") if len(body) >= end else PLAIN


@cache
def newest() -> int:
    """What to pack with, where both sides know it; PLAIN when its file is damaged."""
    number = max(DIGESTS)
    return number if is_known(number) else PLAIN


def is_known(number: int) -> bool:
    """Whether a body that names it can be read."""
    try:
        content(number)
    except UnknownDictionary:
        return False
    return True


@cache
def content(number: int) -> bytes:
    """The dictionary itself, in the format of RFC 8878 §5. Raises UnknownDictionary."""
    try:
        found = (FOLDER / f"{number}.zdict").read_bytes() if number in DIGESTS else b""
    except OSError as exc:
        raise UnknownDictionary(number) from exc
    if hashlib.sha256(found).hexdigest() != DIGESTS.get(number):
        raise UnknownDictionary(number)
    return found
