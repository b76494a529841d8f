"""Inventories: difference, application, digest. Pure: `apply(old, difference(old, new)) == new`.

An inventory is a mapping from key (source, name, architecture, version) to package, so that two versions of one
package may stand side by side, as kernels do under rpm.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from eucora_wire.sections.software import Changed, Delta, Package, Removed

Key = tuple[str, str, str, str]
Inventory = Mapping[Key, Package]


def key(p: Package | Removed) -> Key:
    return (p.source, p.name, p.architecture, p.version)


def inventory(packages: Iterable[Package]) -> dict[Key, Package]:
    """The last of equal keys wins."""
    return {key(p): p for p in packages}


def difference(old: Inventory, new: Inventory) -> Delta:
    """What turns `old` into `new`. A package that left with one version and came with one counts as changed."""
    left = [k for k in sorted(old) if k not in new]
    came = [k for k in sorted(new) if k not in old]
    altered = [k for k in sorted(new) if k in old and old[k] != new[k]]
    pairs = _pair(left, came)
    changed = [Changed(was=_gone(old[a]), now=new[b]) for a, b in pairs]
    changed += [Changed(was=_gone(old[k]), now=new[k]) for k in altered]
    done = {k for pair in pairs for k in pair}
    return Delta(
        base=digest(old),
        result=digest(new),
        added=tuple(new[k] for k in came if k not in done),
        removed=tuple(_gone(old[k]) for k in left if k not in done),
        changed=tuple(changed),
    )


def apply(old: Inventory, delta: Delta) -> dict[Key, Package]:
    """The inventory after `delta`. Does not check `base`: who calls decides when that can be known."""
    gone = {key(r) for r in delta.removed} | {key(c.was) for c in delta.changed}
    kept = {k: p for k, p in old.items() if k not in gone}
    kept.update((key(p), p) for p in delta.added)
    kept.update((key(c.now), c.now) for c in delta.changed)
    return kept


def digest(packages: Inventory) -> str:
    """SHA-256 over the packages in order of their keys, as compact JSON: the same on every machine."""
    hasher = hashlib.sha256()
    for k in sorted(packages):
        hasher.update(msgspec.json.encode(packages[k]))
        hasher.update(b"\n")
    return f"sha-256=:{base64.b64encode(hasher.digest()).decode()}:"


def is_empty(delta: Delta) -> bool:
    return not (delta.added or delta.removed or delta.changed)


def _pair(left: list[Key], came: list[Key]) -> list[tuple[Key, Key]]:
    """Keys that share source, name and architecture, where each side has exactly one."""
    sides: dict[tuple[str, str, str], tuple[list[Key], list[Key]]] = {}
    for side, keys in enumerate((left, came)):
        for k in keys:
            sides.setdefault(k[:3], ([], []))[side].append(k)
    return [(a[0], b[0]) for a, b in sides.values() if len(a) == len(b) == 1]


def _gone(p: Package) -> Removed:
    return Removed(name=p.name, version=p.version, source=p.source, architecture=p.architecture)
