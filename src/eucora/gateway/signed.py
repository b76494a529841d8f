"""Requests of a device that are not telemetry: signed by its key over the body and its identity, and recent.

Steps, each with its own failure: 1 the size · 2 the signature's form · 3 a known key that is not revoked, for this
device, and holds · 4 this installation · 5 the body is what was signed · 6 the clock, so that none is played again later.
"""

import uuid
from datetime import datetime

from eucora import clock
from eucora.gateway.doors.https import Request
from eucora.gateway.house import Gateway
from eucora.journal.signers import Signer, load
from eucora.pipeline.validate import prove
from eucora.problems import Refused
from eucora_wire.envelope import BadHeader, Signed, Unsigned, digest_matches, parse_signed

COVERED = ("content-digest", "content-type", "eucora-installation", "eucora-device", "eucora-clock")
CLOCK_MS = 5 * 60 * 1000


async def proved(request: Request, house: Gateway, tag: str, now: datetime | None = None) -> Signer:
    """Whose request this is. `now` is given where the request must be recent. Raises Refused, TryLater."""
    body = request.body
    if body is None:
        raise Refused("too-large")
    signed, headers = _signed(request, tag), request.headers
    device = _uuid(request, "eucora-device")
    # Not from the door's memory: these requests are few, and what they change no append transaction decides again.
    signer = (await load(house.pool, [signed.keyid])).get(signed.keyid)
    prove(signed, signer, device)
    if _uuid(request, "eucora-installation") != house.installation:
        raise Refused("other-installation")
    if not digest_matches(headers, body):
        raise Refused("digest-mismatch")
    if now is not None and abs(_clock_ms(request) - clock.to_ms(now)) > CLOCK_MS:
        raise Refused("bad-header", "eucora-clock: more than five minutes off; set the device's clock")
    assert signer is not None  # prove raised otherwise
    house.device_pace.take(device, clock.monotonic())
    return signer


def _signed(request: Request, tag: str) -> Signed:
    try:
        return parse_signed(request.headers, required=COVERED, optional=(), tag=tag)
    except Unsigned as exc:
        raise Refused("unsigned", str(exc)) from exc
    except BadHeader as exc:
        raise Refused("bad-header", exc.name) from exc


def _uuid(request: Request, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.headers[name])
    except ValueError as exc:
        raise Refused("bad-header", name) from exc


def _clock_ms(request: Request) -> int:
    text = request.headers["eucora-clock"]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused("bad-header", "eucora-clock")
    return int(text)
