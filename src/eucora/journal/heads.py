"""What may follow in a stream's chain, decided purely: each pair of neighbours is checked once, whatever the arrival.

Rule 1: a sequence is used once; which batch used it is for the table of digests to say.
Rule 2: a batch fits when its `previous` is the digest before it and its digest is the `previous` after it.
Rule 3: a gap remembers both ends, so that what fills it is checked against both.
Rule 4: what the device names as lost closes in a gap and is used from then on; its neighbours go unchecked; what has
arrived stays.
Rule 5: a batch that would leave more than 64 gaps, and more than there were, waits until the missing ones are here.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

MOST_GAPS = 64
MOST_MISSING = 256
"""How many missing sequences one answer names."""

NOTHING = b""
"""`previous` of a batch that says there is none before it: fits nothing but the beginning."""


class Gap(Struct, frozen=True, gc=False):
    """Sequences first to last are missing. `before`: digest of first - 1; `required`: digest of last; None: unknown."""

    first: int
    last: int
    before: bytes | None
    required: bytes | None


class Chain(Struct, frozen=True, gc=False):
    """The head of a stream: its last sequence, that one's digest, and its gaps in ascending order."""

    last: int = 0
    digest: bytes | None = None
    gaps: tuple[Gap, ...] = ()


BEGINNING = Chain()
"""A stream of which nothing has arrived."""


class Link(Struct, frozen=True, gc=False):
    """What one batch says of its place. `previous` is None where the device has lost the batch before."""

    sequence: int
    digest: bytes
    previous: bytes | None
    lost: Sequence[int] = ()


class Decision(Struct, frozen=True, gc=False):
    """`used`: look into the digests. `chain` is the new head when appended, else the old one."""

    outcome: Literal["append", "used", "fork", "too-many-gaps"]
    chain: Chain
    missing: tuple[int, ...] = ()


def decide(chain: Chain, link: Link) -> Decision:
    """Whether the batch fits, and what the head becomes. A new stream begins at BEGINNING."""
    after = _ahead(chain, link) if link.sequence > chain.last else _behind(chain, link)
    if isinstance(after, str):
        return Decision(after, chain)
    if link.lost and after.gaps:
        after = Chain(after.last, after.digest, _without(after.gaps, link.lost))
    if len(after.gaps) > MOST_GAPS and len(after.gaps) > len(chain.gaps):
        return Decision("too-many-gaps", chain, _missing(after.gaps))
    return Decision("append", after)


def _ahead(chain: Chain, link: Link) -> Chain | Literal["fork"]:
    """Beyond the last: its neighbour, or a new gap."""
    if link.sequence > chain.last + 1:
        gap = Gap(chain.last + 1, link.sequence - 1, chain.digest, link.previous)
        return Chain(link.sequence, link.digest, (*chain.gaps, gap))
    if not _fits(link.previous, chain.digest):
        return "fork"
    return Chain(link.sequence, link.digest, chain.gaps)


def _behind(chain: Chain, link: Link) -> Chain | Literal["used", "fork"]:
    """Not beyond the last: it fills a gap, or its sequence is used."""
    n = link.sequence
    for i, gap in enumerate(chain.gaps):
        if gap.first <= n <= gap.last:
            if n == gap.first and not _fits(link.previous, gap.before):
                return "fork"
            if n == gap.last and not _fits(link.digest, gap.required):
                return "fork"
            rest = _split(gap, n, link.previous, link.digest)
            return Chain(chain.last, chain.digest, (*chain.gaps[:i], *rest, *chain.gaps[i + 1 :]))
    return "used"


def _fits(told: bytes | None, known: bytes | None) -> bool:
    return told is None or known is None or told == known


def _split(gap: Gap, n: int, previous: bytes | None, digest: bytes | None) -> list[Gap]:
    """What is left of a gap when sequence n is not missing any more."""
    left, right = Gap(gap.first, n - 1, gap.before, previous), Gap(n + 1, gap.last, digest, gap.required)
    return [part for part in (left, right) if part.first <= part.last]


def _without(gaps: tuple[Gap, ...], lost: Sequence[int]) -> tuple[Gap, ...]:
    """The gaps when these sequences are lost for ever: they will not come, and say nothing of their neighbours."""
    for n in lost:
        gaps = tuple(
            part for gap in gaps for part in (_split(gap, n, None, None) if gap.first <= n <= gap.last else (gap,))
        )
    return gaps


def _missing(gaps: tuple[Gap, ...]) -> tuple[int, ...]:
    """The lowest missing sequences: sent in this order they open no gap."""
    found: list[int] = []
    for gap in gaps:
        found.extend(range(gap.first, min(gap.last, gap.first + MOST_MISSING - len(found) - 1) + 1))
        if len(found) >= MOST_MISSING:
            break
    return tuple(found)


def pack(gaps: tuple[Gap, ...]) -> str:
    """Gaps as they stand in the table: JSON `[[first, last, digest before, digest required of last], …]`, in hex."""
    if not gaps:
        return "[]"
    return msgspec.json.encode([(g.first, g.last, _hex(g.before), _hex(g.required)) for g in gaps]).decode()


def unpack(text: str) -> tuple[Gap, ...]:
    """The inverse of `pack`."""
    if text == "[]":
        return ()
    return tuple(Gap(first, last, _bytes(before), _bytes(required)) for first, last, before, required in _rows(text))


def _rows(text: str) -> list[tuple[int, int, str | None, str | None]]:
    return msgspec.json.decode(text, type=list[tuple[int, int, str | None, str | None]])


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
