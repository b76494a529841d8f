"""Packages that rpm has installed, asked of rpm itself, only when its database changed.

`signature` is the SHA-256 of the package's header, which rpm checks at installation and which holds the digests of all
its files.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from eucora_wire.sections.software import Package

from .files import os_release
from .purl import purl
from .reading import Context, Reading

PROGRAMS = ("/usr/bin/rpm", "/bin/rpm")
FOLDERS = ("usr/lib/sysimage/rpm", "var/lib/rpm")
DATABASES = ("rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages")
FORMAT = r"%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SHA256HEADER}\n"
KEYS = "gpg-pubkey"
"""Public keys, which rpm keeps among the packages."""

_SHA256 = re.compile("[0-9a-f]{64}")


def read(context: Context) -> Reading:
    folder, mark = database(context.root)
    program = next((p for p in PROGRAMS if Path(p).exists()), None)
    if program is None or not mark or mark == context.state.get("mark"):
        return Reading(state=context.state)
    release = os_release(context.root)
    return Reading(packages={"rpm": tuple(parse(rows(program, context.root, folder), release))}, state={"mark": mark})


def database(root: Path) -> tuple[str, list[list[int]]]:
    """The folder of the database, and what changes when rpm writes it; empty where there is none."""
    for folder in FOLDERS:
        stats = [(root / folder / name).stat() for name in DATABASES if (root / folder / name).exists()]
        if any(s.st_size for s in stats):
            return folder, [[s.st_mtime_ns, s.st_size, s.st_ino] for s in stats if s.st_size]
    return "", []


def rows(program: str, root: Path, folder: str) -> Iterator[str]:
    """One line a package, as FORMAT says. Raises CalledProcessError: half an inventory would look like removals."""
    command = [program, "--root", str(root.resolve()), "--dbpath", f"/{folder}", "-qa", "--qf", FORMAT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as rpm:
        if rpm.stdout:
            yield from rpm.stdout
    if rpm.returncode:
        raise subprocess.CalledProcessError(rpm.returncode, program)


def parse(lines: Iterable[str], release: dict[str, str]) -> Iterator[Package]:
    """rpm writes `(none)` for what a package does not have."""
    vendor = release.get("ID", "")
    distro = "-".join(word for word in (vendor, release.get("VERSION_ID")) if word)
    for row in lines:
        name, epoch, version, architecture, digest = row.rstrip("\n").split("\t")
        if name == KEYS:
            continue
        older = None if epoch in ("(none)", "0") else epoch
        arch = "" if architecture == "(none)" else architecture
        yield Package(
            name=name,
            version=f"{older}:{version}" if older else version,
            signature=digest if _SHA256.fullmatch(digest) else None,
            source="rpm",
            architecture=arch,
            purl=purl("rpm", vendor or "linux", name, version, arch=arch, epoch=older, distro=distro),
        )
