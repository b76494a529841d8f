"""Every refusal of the operator plane is a problem document: no trace, no value that may be personal."""

from traceback import extract_tb
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from eucora.problems import EucoraError, Refused, TryLater, document
from eucora.stores.postgres import translated
from eucora_wire.problems import MEDIA_TYPE, Document

log = structlog.get_logger()

BY_STATUS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "wrong-content-type",
}
CHALLENGE = 'Bearer, Basic realm="any name, and a token as password", charset="UTF-8"'
"""Basic is for browsers, which can send nothing else: it makes the API's page readable."""


def problem(told: Document, **headers: str) -> Response[Document]:
    """The document as an answer."""
    if told.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(told.retry_after_s)))
    if told.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    return Response(told, status_code=told.status, media_type=MEDIA_TYPE, headers=headers)


def on_refused(request: Request[Any, Any, Any], exc: Refused) -> Response[Document]:
    """4xx."""
    return problem(exc.document)


def on_try_later(request: Request[Any, Any, Any], exc: TryLater) -> Response[Document]:
    """429 or 503."""
    return problem(exc.document)


def on_http(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Document]:
    """What the framework refuses, in our words."""
    slug = BY_STATUS.get(exc.status_code)
    if slug is None:
        return on_fault(request, exc)
    return problem(document(slug, _where(exc) if isinstance(exc, ValidationException) else ""))


def on_foreign(request: Request[Any, Any, Any], exc: Exception) -> Response[Document]:
    """503 when the database is away, else 500."""
    try:
        with translated():
            raise exc
    except TryLater as away:
        return problem(away.document)
    except Exception as fault:  # noqa: BLE001 - the last border: whatever it is, it is logged and answered
        return on_fault(request, fault)


def on_fault(request: Request[Any, Any, Any], exc: Exception) -> Response[Document]:
    """500: what failed and where goes to the log; its message does not, since it may repeat a value."""
    frames = [f"{frame.filename.rpartition('eucora/')[2]}:{frame.lineno}" for frame in extract_tb(exc.__traceback__)]
    log.error("request_failed", path=request.scope["path_template"], fault=type(exc).__name__, at=frames[-4:])
    return problem(document("internal"))


def _where(exc: ValidationException) -> str:
    """Which parameters or fields are wrong; what was sent is not repeated."""
    named = [str(fault["key"]) for fault in exc.extra or () if isinstance(fault, dict) and fault.get("key")]
    return f"{', '.join(sorted(set(named)))}: not as the published document has it" if named else ""


HANDLERS: Any = {
    Refused: on_refused,
    TryLater: on_try_later,
    HTTPException: on_http,
    EucoraError: on_fault,
    Exception: on_foreign,
}
