"""What every route says of itself: the permission that it asks for, and the class of audit event that it leaves."""

from typing import Any, Literal

from eucora.web.scopes import SCOPES

Audited = Literal["none", "access", "administration", "lifecycle", "personal"]
"""none: leaves no event of its own; the sign-in and every refusal are recorded all the same."""


def declared(permission: str, audit: Audited) -> dict[str, Any]:
    """For `opt=` of a route. Raises KeyError for a permission that there is not."""
    return {"permission": permission, "audit": audit, "about": SCOPES[permission]}
