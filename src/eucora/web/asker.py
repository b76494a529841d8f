"""Who asks. Known by the token that came with the request."""

import uuid

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
