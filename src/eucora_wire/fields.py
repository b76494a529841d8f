"""How a field of the contract is declared: one line holds type, bounds, unit, metric, data class, purposes and rules.

`Annotated[float, measure("percent", "system_cpu_utilization_ratio", ge=0, le=100)]`: msgspec reads the bounds,
the registry reads the rest. A field without a declaration fails a test, so nothing undeclared can be sent.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

DataClass = Literal["device", "pseudonymous", "personal", "content"]
"""device: says nothing of a person · pseudonymous: a key to a person · personal: names one · content: free text."""

Purpose = Literal["health", "support", "security", "inventory", "compliance", "transport"]
Retention = Literal["metrics", "logs", "traces", "inventory", "audit"]
Mask = Literal["none", "drop", "text", "path"]
"""What is done before a value may leave for a follower or a model: nothing, never leaves, masked text, masked path."""

NAME = r"^[^\x00-\x1f\x7f]*$"
TOKEN = r"^[A-Za-z0-9][A-Za-z0-9_.:+~@/-]*$"  # noqa: S105 - a pattern, not a secret
DIGEST = r"^sha-256=:[A-Za-z0-9+/]{43}=:$"

MOST = 2**53 - 1
"""The largest number that JSON, a double and a bigint all hold exactly; no number of the contract is larger."""


def _field(
    about: str,
    *,
    unit: str = "",
    metric: str = "",
    data: DataClass = "device",
    purposes: tuple[Purpose, ...] = ("health",),
    collected: bool = True,
    mask: Mask | None = None,
    retention: Retention = "inventory",
    models: bool | None = None,
    **bounds: Any,
) -> Meta:
    if bounds.get("pattern", "").endswith("$"):
        # Python's `$` also matches before a last line feed; that of JSON Schema does not, and is meant.
        bounds["pattern"] += r"(?!\n)"
    declared = {
        "unit": unit,
        "metric": metric,
        "class": data,
        "purposes": purposes,
        "collected": collected,
        "mask": mask or ("none" if data in ("device", "pseudonymous") else "drop" if data == "personal" else "text"),
        "retention": retention,
        "models": data == "device" if models is None else models,
    }
    published = {"x-eucora": {name: declared[name] for name in ("unit", "metric", "class") if declared[name]}}
    return Meta(description=about, extra=declared, extra_json_schema=published, **bounds)


def measure(unit: str, metric: str, about: str = "", **rules: Any) -> Meta:
    """A number that becomes a sample: `unit` is the wire's, `metric` the OpenTelemetry name in Prometheus spelling."""
    return _field(about or metric, unit=unit, metric=metric, **{"retention": "metrics", "le": MOST, **rules})


def fact(about: str, **rules: Any) -> Meta:
    """A property that is not a sample: a version, a flag, a moment."""
    return _field(about, **rules)


def text(about: str, most: int = 256, **rules: Any) -> Meta:
    """One line of text of at most `most` characters, without control characters."""
    return _field(about, **{"max_length": most, "pattern": NAME, **rules})


def part(about: str) -> Meta:
    """A nested section; its own fields carry the rules."""
    return Meta(description=about)


def listing(about: str, most: int) -> Meta:
    """A list of nested records, at most `most` of them."""
    return Meta(description=about, max_length=most)


Count = Annotated[int, Meta(ge=0, le=MOST)]
"""A whole number inside a list or a mapping, whose own declaration stands around it."""

Key = Annotated[str, Meta(max_length=120, pattern=TOKEN + r"(?!\n)")]
Value = Annotated[str, Meta(max_length=2_000)]
"""Name and text of an entry in a mapping, whose own declaration stands around it."""

RecordId = Annotated[uuid.UUID, fact("Id given at the device (UUIDv7): for reference, not for deduplication")]
Moment = Annotated[datetime, Meta(tz=True)]


def moment(about: str, **rules: Any) -> Meta:
    """A time with its zone (RFC 3339)."""
    return _field(about, **{"tz": True, **rules})


def in_reach(*times: datetime | None) -> None:
    """Raises ValueError for a time that no zone's arithmetic, no PostgreSQL and no clock could hold."""
    for time in times:
        # A year from either end of the calendar, another zone's offset can't lead beyond it.
        if time is not None and not 1900 <= time.year <= 9998:
            raise ValueError("a time before 1900 or after 9998")
