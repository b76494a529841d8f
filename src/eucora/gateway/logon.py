"""POST /v1/logon: the account at the device, sealed to the platform's key, for the subject id to use instead of a name."""

import base64
from typing import TypeVar

import msgspec

from eucora import clock
from eucora.domains.devices import enrolment
from eucora.domains.identity.logon import log_on
from eucora.gateway.doors.https import Request, Response, good
from eucora.gateway.house import Gateway
from eucora.gateway.signed import proved
from eucora.problems import Refused
from eucora.sealing import Unopenable, open_logon
from eucora_wire.answer import Account, LogonRequest

KEY_ID = "hpke-x25519-1"

_T = TypeVar("_T")
_request = msgspec.json.Decoder(LogonRequest)
_account = msgspec.json.Decoder(Account)


async def log_in(request: Request, house: Gateway) -> Response:
    """200 with the subject id, also for a person with fifteen devices: then `mapped` is false. Raises Refused, TryLater."""
    now = clock.now()
    signer = await proved(request, house, "eucora-logon", now)
    try:
        asked = decode(_request, request.body or b"")
        account = _open(asked, house)
    except Refused as refused:
        await enrolment.refuse(house.pool, "logon.refused", refused.slug, signer.device, request.origin, now)
        raise
    answer = await log_on(house.pool, house.keyring, house.secrets, account, signer.device, asked.provisional, now)
    return good(answer)


def _open(asked: LogonRequest, house: Gateway) -> Account:
    if asked.key != KEY_ID:
        raise Refused("bad-request", "$.key: seal to the key that enrolment named")
    try:
        inner = open_logon(house.secrets.logon, base64.b64decode(asked.sealed, validate=True))
    except (ValueError, Unopenable) as exc:
        raise Refused("bad-request", "$.sealed: it does not open under the platform's log-on key") from exc
    account = decode(_account, inner)
    if "\x00" in account.name + account.domain + account.uid + account.display or not account.name.strip():
        raise Refused("bad-request", "$.sealed: the account has no name, or a NUL character")
    return account


def decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """The body as a struct. Raises Refused(bad-request) with the path and without the value."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        _, at, path = str(exc).partition(" - at ")
        raise Refused("bad-request", path.strip("`") if at else "the body is not what the contract has") from exc
