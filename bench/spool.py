"""What the spool costs the disk, a payload: `python -m bench.spool`. The agent's own spool and seal, nothing else.

Each payload is appended and sealed as it can be sent, and settled, as online; then as many wait, as offline. Waits for
the disk and bytes are counted below SQLite, on the file system of the power-cut tests; what the kernel was given, and the
time, on a real disk.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.eucora_agent.identities import POLICY, identity
from tests.eucora_agent.powercut import Sync, SyncNames, Write, recorded

from bench.fleet import sample
from eucora_agent import moment, seal
from eucora_agent.moment import Moment
from eucora_agent.spool import Spool
from eucora_agent.spool_head import Make, Pending
from eucora_wire.payload import encode_one

MOST_BYTES, AGE_MS = 64 * 2**20, 28 * 86_400_000
STATES_BYTES = 300
"""What collectors remember from one beat to the next, as a workstation's do."""
WARM = 50

Beat = Callable[[Spool, int], None]


def main() -> None:
    parser = argparse.ArgumentParser("bench.spool", description=__doc__)
    parser.add_argument("--payloads", type=int, default=2_000, help="to measure, after some to begin with")
    parser.add_argument("--folder", type=Path, help="where, to measure another disk than the one of temporary files")
    given = parser.parse_args()
    told = {
        name: {**counted(beat, given.payloads), **timed(beat, given.payloads, given.folder)}
        for name, beat in (("online", online), ("offline", offline))
    }
    print(json.dumps({"body_bytes": len(_body(0)), **told}, indent=2))


def online(spool: Spool, n: int) -> None:
    """Sealed as it is appended, sent, acknowledged."""
    _append(spool, n, sealed=True)
    for sealed in spool.sealed():
        assert spool.batch(sealed.number) is not None
        spool.settle(sealed.number)


def offline(spool: Spool, n: int) -> None:
    """Waits; sealed ten at a time, one in ten minutes."""
    _append(spool, n, sealed=False)
    if n % 10 == 9:
        while (pending := spool.pending(500)) is not None:
            spool.seal(pending, _make(pending))


def counted(beat: Beat, payloads: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="eucora-spool-") as folder, recorded(Path(folder) / "spool") as disk:
        spool = Spool(Path(folder) / "spool", MOST_BYTES, AGE_MS, moment.read().boot)
        for n in range(WARM):
            beat(spool, n)
        begun = len(disk.log)
        for n in range(WARM, WARM + payloads):
            beat(spool, n)
        acts = disk.log[begun:]
        spool.close()
    return {
        "waits_for_the_disk": round(sum(isinstance(act, Sync | SyncNames) for act in acts) / payloads, 3),
        "bytes_written": round(sum(len(act.data) for act in acts if isinstance(act, Write)) / payloads),
    }


def timed(beat: Beat, payloads: int, where: Path | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="eucora-spool-", dir=where) as folder:
        spool = Spool(Path(folder) / "spool", MOST_BYTES, AGE_MS, moment.read().boot)
        for n in range(WARM):
            beat(spool, n)
        before, began = _given_to_the_disk(), time.perf_counter()
        for n in range(WARM, WARM + payloads):
            beat(spool, n)
        took_s, bytes_given = time.perf_counter() - began, _given_to_the_disk() - before
        spool.close()
    return {"bytes_of_the_kernel": round(bytes_given / payloads), "ms": round(took_s / payloads * 1000, 2)}


def _given_to_the_disk() -> int:
    """Whole pages that this process made dirty."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"])


_WHO, _KEY = identity(), Ed25519PrivateKey.generate()


def _body(n: int) -> bytes:
    return encode_one(sample(_WHO.device_id, n))


def _mark(at: Moment) -> seal.Mark:
    return seal.Mark(None, POLICY, at.boot.id, 0)


def _make(pending: Pending) -> Make:
    at = moment.read()
    return seal.maker(pending, _WHO, _KEY, at, _mark(at))


def _append(spool: Spool, n: int, *, sealed: bool) -> None:
    at = moment.read()
    states = str(n).encode().ljust(STATES_BYTES, b"s")
    spool.append(_body(n), seal.write_mark(_mark(at)), 2, at.boot, {"states": states}, _make if sealed else None)


if __name__ == "__main__":
    main()
