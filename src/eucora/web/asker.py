"""Who asks. Known by the token that came with the request."""

import uuid
from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Asker(Struct, frozen=True, kw_only=True):
    """The operator behind a request: by id in the audit trail, by name only in answers to operators."""

    operator: uuid.UUID
    name: str
    token: uuid.UUID
    scopes: frozenset[str]
    origin: str

    def may(self, permission: str) -> bool:
        """Whether the token holds the permission."""
        return permission in self.scopes


def asker_of(row: Mapping[str, Any], origin: str) -> Asker:
    """Out of a row of their token: operator_id, name, token_id, scopes."""
    return Asker(
        operator=row["operator_id"],
        name=row["name"],
        token=row["token_id"],
        scopes=frozenset(row["scopes"]),
        origin=origin,
    )
