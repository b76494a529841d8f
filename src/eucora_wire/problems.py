"""Problem documents (RFC 9457) and their registry: everything the platform can answer that is not a success.

`consumed` says whether the batch's sequence is used up by this answer; `settles` whether the agent may forget the batch.
"""

from typing import Literal

import msgspec
from msgspec import Struct

BASE = "urn:eucora:problem:"
MEDIA_TYPE = "application/problem+json"


class Problem(Struct, frozen=True):
    """One kind of refusal, as the registry knows it."""

    slug: str
    status: int
    title: str
    consumed: bool = False
    settles: bool = False
    mend: str = ""

    @property
    def type(self) -> str:
        return BASE + self.slug


def _p(
    slug: str, status: int, title: str, mend: str, outcome: Literal["kept", "consumed", "settled"] = "kept"
) -> Problem:
    return Problem(slug, status, title, outcome == "consumed", outcome != "kept", mend)


REGISTRY: dict[str, Problem] = {
    p.slug: p
    for p in (
        # Before anything is looked at: nothing moves, nothing is kept.
        _p("not-found", 404, "There is nothing at this address", "Read the published OpenAPI document."),
        _p("method-not-allowed", 405, "This address does not take that method", "Read the published OpenAPI document."),
        _p("wrong-content-type", 415, "The content type is not application/json", "Send application/json."),
        _p("wrong-content-encoding", 415, "The content encoding is not known", "Send zstd, gzip or identity."),
        _p("bad-header", 400, "A header is missing or malformed", "Send the header as the contract has it."),
        _p("unsupported-schema", 400, "The schema version is not accepted", "Update the agent."),
        _p("unsigned", 401, "The request is not signed", "Sign it per RFC 9421 with the enrolled key."),
        _p("bad-signature", 401, "The signature does not hold", "Sign exactly what is sent, with the enrolled key."),
        _p("unknown-device", 403, "This device or key is not enrolled here", "Enrol the device."),
        _p("revoked-device", 403, "This device was revoked", "Ask an operator; enrol again with a new token."),
        _p("other-installation", 403, "The batch was sealed for another installation", "Enrol with this one."),
        _p("fork", 409, "Another batch stands under this sequence, or the chain does not fit",
           "Send no more on this stream; begin a new stream when the answer says so."),
        _p("too-many-gaps", 429, "The stream has too many gaps", "Send the missing sequences first."),
        _p("too-fast", 429, "Too many requests", "Wait as Retry-After says."),
        _p("replay-later", 429, "The present goes first: old batches come in turns",
           "Go on with what is new; send old batches when Retry-After has passed."),
        _p("journal-unavailable", 503, "The journal cannot take data now", "Keep the batch; wait as Retry-After says."),
        _p("disk-reserve", 503, "The platform's disk has reached its reserve", "Keep the batch; wait as Retry-After says."),
        _p("internal", 500, "The platform failed", "Keep the batch and send it again later."),
        # The signature holds: the sequence is consumed, the entry is appended with its verdict.
        _p("too-large", 413, "The body is larger than the limit", "Cut smaller batches.", "consumed"),
        _p("inflates-too-much", 413, "The body inflates beyond the limit", "Cut smaller batches.", "consumed"),
        _p("digest-mismatch", 400, "The body does not match its content-digest", "Send the body that was signed."),
        _p("unreadable", 400, "The body cannot be read", "Send valid JSON in the encoding named.", "consumed"),
        _p("unknown-dictionary", 415, "The body names a dictionary that is not known here",
           "Seal the items again without a dictionary.", "consumed"),
        _p("items-mismatch", 422, "The body does not hold the items that the header accounts for",
           "Account for every ordinal.", "consumed"),
        _p("schema", 422, "A field breaks the schema", "Mend the field named in path.", "consumed"),
        _p("nul-character", 422, "A text holds a NUL character", "Send text without U+0000.", "consumed"),
        _p("foreign-device", 422, "The payload names another device than the signer", "Send your own.", "consumed"),
        _p("foreign-subject", 422, "The payload names another subject than the batch", "Cut where the person changes.",
           "consumed"),
        _p("erased-subject", 410, "The subject was erased; the body is not kept", "Nothing: it is settled.", "consumed"),
        # Found by the digest, after the acknowledgement.
        _p("too-old", 422, "The sample is older than the platform accepts", "Nothing: the spool's age was exceeded.",
           "consumed"),
        _p("out-of-range", 422, "A value is out of range in its own unit", "Mend the collector.", "consumed"),
        _p("store-refused", 422, "A store can not hold this item", "Tell the operator.", "consumed"),
        # Enrolment, log-on, operators.
        _p("bad-token", 403, "The enrolment token is unknown, used up, expired or revoked", "Ask for a new token."),
        _p("bad-request", 400, "The request can't be read", "Read the published OpenAPI document."),
        _p("not-signed-in", 401, "No valid token", "Send Authorization: Bearer with an operator's token."),
        _p("not-allowed", 403, "The token lacks the permission", "Ask for a token with the scope."),
        _p("unknown", 404, "There is no such thing", "Look for it by a list or a search."),
        _p("too-many-devices", 409, "The user has 15 devices already", "Remove one of the user's devices."),
        _p("store-unavailable", 503, "A store behind the platform does not answer", "Try again as Retry-After says."),
        _p("query-too-slow", 422, "The answer takes longer than a query may",
           "Ask for less: a shorter span, fewer devices, a longer step."),
        _p("query-too-large", 422, "The answer takes more memory than a query may",
           "Ask for less: a shorter span, fewer devices, a longer step."),
        _p("too-many-queries", 503, "Too many queries run now", "Try again as Retry-After says."),
        _p("locked", 409, "The object is locked against deletion", "Wait until its lock has ended."),
    )
}  # fmt: skip


class ItemProblem(Struct, frozen=True, omit_defaults=True):
    """What is wrong with one item. `item` is its ordinal; `detail` never repeats a value."""

    item: int
    type: str
    path: str = "$"
    detail: str = ""
    dead_letter: str | None = None


class Document(Struct, frozen=True, omit_defaults=True):
    """The body of every refusal (RFC 9457), with our extension members."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str | None = None
    consumed: bool = False
    mend: str = ""
    items: tuple[ItemProblem, ...] = ()
    missing: tuple[int, ...] = ()
    new_stream: bool = False
    receipt: dict[str, int | str] | None = None
    retry_after_s: float | None = None


def document(slug: str, detail: str = "", **more: object) -> Document:
    """The document of one registered problem. Raises KeyError for a slug that is not registered."""
    p = REGISTRY[slug]
    return msgspec.structs.replace(
        Document(type=p.type, title=p.title, status=p.status, detail=detail, consumed=p.consumed, mend=p.mend),
        **more,
    )
