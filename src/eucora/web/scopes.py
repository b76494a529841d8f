"""Every permission that there is. A token holds some; a route or a verb declares one; the default answer is no."""

from eucora.problems import Refused

SCOPES: dict[str, str] = {
    "schema.read": "read the published API",
    "status.read": "see what runs and what lags",
    "stores.write": "pause and resume servers that follow the archive, tell them again",
    "metrics.read": "scrape the platform's own metrics",
    "devices.read": "find devices, read their facts",
    "devices.write": "say where a device belongs",
    "devices.revoke": "turn a device away for good",
    "devices.erase": "erase a device, or an interval of it",
    "personal.read": "see host names, serials and accounts, each time with a purpose",
    "telemetry.read": "read samples",
    "telemetry.content.read": "read what lines, changes, crashes and spans say; each time recorded",
    "software.read": "read what is installed",
    "deadletters.read": "list what could not be stored",
    "deadletters.replay": "digest it again",
    "archive.redigest": "digest again what lies in the archive, after a fix",
    "subjects.forget": "erase a person",
    "tokens.read": "list tokens",
    "tokens.write": "make and revoke tokens, of enrolment and of operators",
    "operators.read": "list operators",
    "operators.write": "name and disable operators",
    "support.read": "make a bundle for whoever helps",
    "audit.read": "read, verify and export the audit trail",
}

NAMING = ("personal.read", "telemetry.content.read")
"""Reading what names a person, or may: free text says whatever somebody wrote."""

READING = tuple(name for name in SCOPES if name.endswith(".read") and name not in NAMING)
"""What a token gets when nobody says otherwise: everything that changes nothing and names nobody."""


def checked(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """The same scopes, sorted, each once. Raises Refused (bad-request) for one that there is not."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes:
        raise Refused("bad-request", f"scopes are {', '.join(SCOPES)}")
    return tuple(sorted(set(scopes)))
