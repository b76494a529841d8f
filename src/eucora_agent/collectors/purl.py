"""Package URLs for Linux packages, by the purl specification (package-url/purl-spec, types deb and rpm)."""

from urllib.parse import quote

SAFE = ":"
"""Letters, digits and -._~ are never encoded, and the specification leaves the colon alone; all else is percent-encoded."""


def purl(kind: str, vendor: str, name: str, version: str, **qualifiers: str | None) -> str:
    """`pkg:kind/vendor/name@version?key=value&…`, keys in order, empty qualifiers left out."""
    told = "&".join(f"{key}={quote(value, SAFE)}" for key, value in sorted(qualifiers.items()) if value)
    whole = f"pkg:{kind}/{quote(vendor.lower(), SAFE)}/{quote(name, SAFE)}@{quote(version, SAFE)}"
    return f"{whole}?{told}" if told else whole
