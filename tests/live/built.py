"""Servers written in Go that no wheel brings, built from a module of ours each, and kept outside the checkout.

A module pins what it is built from (go.mod, go.sum); its program is its `tool`, or itself. Built again when one of its
files changes: `python -m tests.live.built` builds all, `… jaeger` one. Needs Go on PATH.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from eucora.problems import EucoraError

HERE = Path(__file__).parent / "backends"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eucora" / "backends"
OFFERED = sorted(each.name for each in HERE.iterdir() if (each / "go.mod").exists())

_TOOL = re.compile(r"(?m)^tool (\S+)$")


def program(module: Path) -> Path:
    """The module's program, built now unless it was before. Two who ask at once build once."""
    found = CACHE / f"{module.name}-{digest(module)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{module.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _build(module, found)
    return found


def cached(name: str) -> str | None:
    """Where a module's program is, when it was built before."""
    found = CACHE / f"{name}-{digest(HERE / name)}"
    return str(found) if found.exists() else None


def digest(module: Path) -> str:
    """Over what it is built from."""
    said = hashlib.sha256()
    for each in sorted(module.glob("go.*")) + sorted(module.glob("*.go")):
        said.update(each.name.encode() + b"\0" + each.read_bytes())
    return said.hexdigest()[:16]


def has_go() -> bool:
    return shutil.which("go") is not None


def _build(module: Path, found: Path) -> None:
    if not has_go():
        raise EucoraError(f"{module.name} is built with Go, and there is none on PATH")
    tool = _TOOL.search((module / "go.mod").read_text())
    unnamed = found.with_suffix(".new")
    # A build of an hour's work must not take the machine from what runs beside it.
    argv = ("nice", "-n", "10", "go", "build", "-o", unnamed, tool[1] if tool else ".")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}
    done = subprocess.run(argv, cwd=module, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EucoraError(f"{module.name} is not built: {done.stderr.strip()[-800:]}")
    unnamed.rename(found)


def main(names: list[str]) -> int:
    failed = 0
    for name in names or OFFERED:
        try:
            print(f"{name}: {program(HERE / name)}", flush=True)
        except EucoraError as exc:
            print(f"{exc}: what is proved against it is left out.", file=sys.stderr, flush=True)
            failed = 2
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
