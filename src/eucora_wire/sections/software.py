"""Software inventory: in full, or as a delta against the inventory appended to the spool before it."""

from typing import Annotated

from msgspec import Struct

from eucora_wire.fields import DIGEST, fact, listing, part, text


class Package(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One installed package. `signature` is a SHA-256 in hex where one can be had (seed §4.2)."""

    name: Annotated[str, text("Package name", 200, purposes=("inventory", "security"), min_length=1)]
    version: Annotated[str, text("Version as the package manager writes it", 200, purposes=("inventory", "security"))]
    signature: Annotated[str, fact("SHA-256, hex", pattern="^[0-9a-f]{64}$", purposes=("security",))] | None = None
    source: Annotated[str, text("Package manager: dpkg, rpm …", 32, purposes=("inventory",))] = ""
    architecture: Annotated[str, text("Architecture of the package", 32, purposes=("inventory",))] = ""
    purl: Annotated[str, text("Package URL", 512, purposes=("inventory", "security"))] | None = None
    publisher: Annotated[str, text("Vendor or origin", 200, purposes=("inventory",), collected=False)] | None = None


class Removed(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The key of a package that is gone."""

    name: Annotated[str, text("Package name", 200, purposes=("inventory",), min_length=1)]
    version: Annotated[str, text("Version that is gone", 200, purposes=("inventory",))]
    source: Annotated[str, text("Package manager", 32, purposes=("inventory",))] = ""
    architecture: Annotated[str, text("Architecture", 32, purposes=("inventory",))] = ""


class Changed(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A package whose version or digest changed: what it was, what it is."""

    was: Annotated[Removed, part("The version before")]
    now: Annotated[Package, part("The version now")]


class Delta(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changed since the inventory whose digest is `base`; applying it gives the one whose digest is `result`."""

    base: Annotated[str, fact("Digest of the inventory before", pattern=DIGEST, purposes=("inventory",))]
    result: Annotated[str, fact("Digest of the inventory after", pattern=DIGEST, purposes=("inventory",))]
    added: Annotated[tuple[Package, ...], listing("Packages that arrived", 20_000)] = ()
    removed: Annotated[tuple[Removed, ...], listing("Packages that left", 20_000)] = ()
    changed: Annotated[tuple[Changed, ...], listing("Packages whose version changed", 20_000)] = ()


class Software(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Either all `packages` (seed §4.2) or a `delta`, never both."""

    packages: Annotated[tuple[Package, ...], listing("Every package", 20_000)] | None = None
    delta: Annotated[Delta, part("Difference to the inventory before")] | None = None

    def __post_init__(self) -> None:
        if (self.packages is None) == (self.delta is None):
            raise ValueError("software is either `packages` or `delta`")
