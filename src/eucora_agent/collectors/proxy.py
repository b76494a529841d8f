"""Whether a web proxy is configured, in the places where Linux keeps such settings."""

import re
from collections.abc import Mapping
from pathlib import Path

from .files import entries, words

_ASSIGNED = re.compile(r"""^\s*(?:export\s+)?(?:https?|all)_proxy\s*=\s*["']?\w""", re.I | re.M)
_APT = re.compile(r"""^\s*Acquire::https?::Proxy(?:::[^\s"]+)?\s+"(?!DIRECT)[^"]+\"""", re.I | re.M)
_PACKAGE_MANAGER = re.compile(r"^\s*proxy\s*=\s*(?!_none_)\S", re.I | re.M)
_DESKTOP = re.compile(r"^\[system/proxy\][^\[]*^mode\s*=\s*'(?:manual|auto)'", re.M)

PLACES = (
    (_ASSIGNED, ("etc/environment", "etc/profile.d", "etc/sysconfig/proxy")),
    (_APT, ("etc/apt/apt.conf", "etc/apt/apt.conf.d")),
    (_PACKAGE_MANAGER, ("etc/dnf/dnf.conf", "etc/yum.conf")),
    (_DESKTOP, ("etc/dconf/db/local.d", "etc/dconf/db/site.d")),
)
"""What a setting looks like, and the files and folders that hold it: shells, apt, dnf, GNOME's system defaults."""


def configured(root: Path, environment: Mapping[str, str]) -> bool:
    """True when the agent's environment or a setting of the system names a proxy."""
    if any(
        environment.get(name) or environment.get(name.upper()) for name in ("https_proxy", "http_proxy", "all_proxy")
    ):
        return True
    return any(pattern.search(text) for pattern, places in PLACES for place in places for text in _texts(root, place))


def _texts(root: Path, place: str) -> list[str]:
    paths = [str(file.relative_to(root)) for file in entries(root, place)] or [place]
    return [text for path in paths if (text := words(root, path))]
