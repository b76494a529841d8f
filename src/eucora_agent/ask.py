"""Requests other than telemetry, signed over five headers: log-on, configuration, renewal. And what refusals become."""

from typing import TypeVar

import msgspec

from eucora_agent.http2 import Connection, Response
from eucora_agent.identity import Identity
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, ReplayLater, TryLater
from eucora_wire.envelope import CONTENT_TYPE, PrivateKey, content_digest, sign
from eucora_wire.problems import BASE, Document

T = TypeVar("T")


def signed(
    to: Connection, who: Identity, key: PrivateKey, at: Moment, method: str, path: str, body: bytes, tag: str
) -> bytes:
    """The body of a 200. Raises TryLater or Refused."""
    covered = {
        "content-digest": content_digest(body),
        "content-type": CONTENT_TYPE,
        "eucora-installation": str(who.installation),
        "eucora-device": str(who.device_id),
        "eucora-clock": str(at.wall_ms),
    }
    return good(to.ask(method, path, sign(covered, key, created=at.wall_ms // 1000, tag=tag), body))


def good(response: Response) -> bytes:
    """The body of a 200. Raises Refused for what must change first, TryLater for what may pass."""
    if response.status == 200:
        return response.body
    try:
        document = msgspec.json.decode(response.body, type=Document)
    except msgspec.DecodeError as exc:
        raise TryLater(f"status {response.status}", _seconds(response)) from exc
    wait_s = _seconds(response) or document.retry_after_s or 0.0
    if document.type == BASE + "replay-later":
        raise ReplayLater(document.title, wait_s)
    if response.status >= 500 or (response.status == 429 and not document.missing):
        raise TryLater(document.title, wait_s)
    raise Refused(document, wait_s)


def read_as(body: bytes, kind: type[T]) -> T:
    """An answer as a struct. Raises TryLater for what is none."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as exc:
        raise TryLater("the answer can't be read") from exc


def _seconds(response: Response) -> float:
    """Retry-After in seconds; as a date it would hang on a clock that may be wrong, and is not heard."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
