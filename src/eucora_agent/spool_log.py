"""Whether a file's log was damaged: SQLite takes a log up to its first bad frame, as if nothing had come behind it.

After a power cut that is right: every commit was synced, so only the last transaction can be torn, and its mark stands
in its last frame. What stands behind a commit that does not count any more was synced, and was damaged since: the spool
is then older than what it has sent, and may not go on with the numbers that it finds.
"""

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

_HEADER, _FRAME, _MASK = 32, 24, 0xFFFFFFFF
_SECTOR, _MOST_PAGES = 512, 2**16
_MAGIC = 0x377F0682
"""Its lowest bit says that checksums are over big-endian words."""


def is_damaged(log: Path) -> bool:
    """Whether something that was committed stands behind a frame that SQLite will not take."""
    if not log.exists():
        return False
    behind = [ends_commit for counts, ends_commit in _frames(log.read_bytes()) if not counts]
    return any(behind[:-1])


def _frames(content: bytes) -> Iterator[tuple[bool, bool]]:
    """Of each frame of this log's present turn: whether SQLite takes it, and whether it says that it ends a commit."""
    if len(content) < _HEADER:
        return
    magic, _, page, _ = struct.unpack_from(">4I", content)
    if magic & ~1 != _MAGIC or not 512 <= page <= 65_536:
        return
    order = ">" if magic & 1 else "<"
    salt, counts = content[16:24], True
    sums = _sum(content[:24], order, (0, 0))
    for at in range(_HEADER, len(content) - _FRAME - page + 1, _FRAME + page):
        head, body = content[at : at + _FRAME], content[at + _FRAME : at + _FRAME + page]
        if head[8:16] != salt:
            counts = False
            continue
        if counts:
            sums = _sum(body, order, _sum(head[:8], order, sums))
            counts = struct.pack(">2I", *sums) == head[16:24]
        number, pages = struct.unpack_from(">2I", head)
        # Of a torn frame the half with the salt may be new, and the half with the mark whatever lay on the disk.
        is_of_a_piece = at // _SECTOR == (at + 15) // _SECTOR
        yield counts, is_of_a_piece and 0 < number <= pages <= _MOST_PAGES


def _sum(content: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    """As SQLite's file format says it."""
    words = array("I", content)
    if order == ">":
        words.byteswap()
    first, second = start
    for a, b in zip(words[::2], words[1::2], strict=True):
        first = (first + a + second) & _MASK
        second = (second + b + first) & _MASK
    return first, second
