"""The registry of fields: every leaf of the contract with its rules, read off the types themselves.

Schema, masking, consent, erasure, the archive's metrics and the reference page all follow from `FIELDS`.
"""

import types
import typing
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from eucora_wire.fields import DataClass, Mask, Purpose, Retention
from eucora_wire.payload import Payload


class Field(Struct, frozen=True):
    """One leaf of the contract. `path` is dotted, lists without an index: `hardware.volumes.total`."""

    path: str
    type: str
    about: str
    unit: str
    metric: str
    data: DataClass
    purposes: tuple[Purpose, ...]
    collected: bool
    mask: Mask
    retention: Retention
    models: bool
    low: float | None
    high: float | None


class Undeclared(Exception):
    """A field of the contract has no declaration; add `measure(…)`, `fact(…)` or `text(…)` to its type."""


def walk(struct: type[Struct], prefix: str = "") -> list[Field]:
    """Every leaf below `struct`. Raises Undeclared for one without a declaration."""
    found: list[Field] = []
    for name, hint in get_type_hints(struct, include_extras=True).items():
        path = f"{prefix}{name}"
        inner, meta = _unwrap(hint)
        nested = _struct_in(inner)
        if nested is not None:
            found += walk(nested, f"{path}.")
        elif meta is None or not meta.extra:
            raise Undeclared(path)
        else:
            found.append(_field(path, inner, meta))
    return found


def _unwrap(hint: Any) -> tuple[Any, Meta | None]:
    """The plain type and the declaration, through `| None` and Annotated."""
    meta: Meta | None = None
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            inner, *metas = get_args(hint)
            meta = next((m for m in metas if isinstance(m, Meta)), meta)
            hint = inner
        elif origin in (types.UnionType, typing.Union):
            hint = next(a for a in get_args(hint) if a is not type(None))
        else:
            return hint, meta


def _struct_in(hint: Any) -> type[Struct] | None:
    candidates = (hint, *get_args(hint))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, Struct)), None)


def _field(path: str, hint: Any, meta: Meta) -> Field:
    rules = dict(meta.extra or {})
    return Field(
        path=path,
        type=getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint),
        about=meta.description or "",
        data=rules.pop("class"),
        low=meta.ge,
        high=meta.le,
        **rules,
    )


FIELDS: dict[str, Field] = {f.path: f for f in walk(Payload)}
METRICS: dict[str, Field] = {f.path: f for f in FIELDS.values() if f.metric}


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the payload, made from the same types."""
    return msgspec.json.schema(Payload)
