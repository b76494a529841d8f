"""A log that a power cut tore is whole; one that was damaged since is not."""

import itertools
import random
from contextlib import closing
from pathlib import Path

from eucora_agent import spool_sql as sql
from eucora_agent.spool_file import create, write
from eucora_agent.spool_log import is_damaged

SECTOR = 512


def logs(folder: Path) -> list[bytes]:
    """A log that goes round and round, after each of its commits."""
    found, draw = [], random.Random(4)
    with closing(create(folder / "00000001.db", 2**15, [])) as db:
        for n in range(120):
            body = draw.randbytes(draw.choice((40, 2_000, 6_000)))
            write(db, [(sql.DROP_ITEMS_TO, [(n - 3,)]), (sql.KEEP_ITEM, [(n, "a", 2, 0, 0, 0, body)])])
            found.append((folder / "00000001.db-wal").read_bytes())
    return found


def torn(before: bytes, after: bytes, draw: random.Random) -> bytes:
    """Of what the last commit wrote, each sector is there or not; the head of the log was synced before."""
    mixed = bytearray(before.ljust(len(after), b"\0"))
    mixed[:32] = after[:32]
    for at in range(0, len(after), SECTOR):
        if draw.random() < 0.6:
            mixed[at : at + SECTOR] = after[at : at + SECTOR]
    return bytes(mixed)


def test_a_torn_last_transaction_is_no_damage_whatever_lay_there_before(tmp_path: Path) -> None:
    found, draw, log = logs(tmp_path), random.Random(5), tmp_path / "log"
    assert len({content[16:24] for content in found}) > 5  # it was begun anew, over what lay there
    for before, after in itertools.pairwise(found):
        for _ in range(20):
            log.write_bytes(torn(before, after, draw))
            assert not is_damaged(log)


def test_damage_before_the_last_commit_but_one_is_seen(tmp_path: Path) -> None:
    found, draw, log, seen = logs(tmp_path), random.Random(6), tmp_path / "log", 0
    for old, content in zip(found, found[4:], strict=False):
        if old[16:24] != content[16:24] or len(old) != len(content):
            continue  # another turn, or shorter than it was
        same = next(n for n, (a, b) in enumerate(zip(old, content, strict=True)) if a != b)
        broken = bytearray(content)
        broken[draw.randrange(60, same)] ^= 1 << draw.randrange(8)
        log.write_bytes(broken)
        seen += is_damaged(log)
    assert seen > 20


def test_what_is_no_log_is_not_looked_into(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert not is_damaged(log)
    for content in (b"", b"x" * 31, b"x" * 5_000, bytes(5_000)):
        log.write_bytes(content)
        assert not is_damaged(log)
