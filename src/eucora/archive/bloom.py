"""Which files may hold a trace: a Bloom filter a file, in blocks, so that a question reads one block of each. Pure.

Never wrong when it says no; of a hundred files that do not hold a trace it takes about one for one that may.
"""

from collections.abc import Collection
from hashlib import blake2b

BLOCK = 64
"""Bytes: what a look-up reads."""
BITS_A_TRACE = 12
PROBES = 6


def made(traces: Collection[str]) -> bytes:
    """The filter of some traces (hex)."""
    blocks = max(1, -(-len(traces) * BITS_A_TRACE // (BLOCK * 8)))
    bits = bytearray(blocks * BLOCK)
    for trace in traces:
        begin = number(trace) % blocks * BLOCK
        for bit in _bits(trace):
            bits[begin + bit // 8] |= 1 << bit % 8
    return bytes(bits)


def number(trace: str) -> int:
    """Of 63 bits; modulo the filter's blocks it is the trace's block, for the database as for us."""
    return int.from_bytes(_digest(trace)[:8]) >> 1


def may_hold(block: bytes, trace: str) -> bool:
    """Whether the trace's block of a filter has all of its bits."""
    return all(block[bit // 8] >> bit % 8 & 1 for bit in _bits(trace))


def _bits(trace: str) -> list[int]:
    """Places in a block, nine bits each."""
    rest = int.from_bytes(_digest(trace)[8:])
    return [rest >> 9 * n & (BLOCK * 8 - 1) for n in range(PROBES)]


def _digest(trace: str) -> bytes:
    return blake2b(trace.encode(), digest_size=16).digest()
