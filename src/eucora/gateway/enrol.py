"""POST /v1/enrol, POST /v1/renew, GET /v1/authorities: how a device gets its identity, and keeps it.

1 the pace of an address · 2 the request's form · 3 possession of the key · 4 the token, or the enrolled key's signature ·
5 all of it in one transaction with its audit event · 6 the certificate.
"""

import base64
import uuid
from datetime import datetime

import msgspec

from eucora import clock
from eucora.domains.devices import enrolment
from eucora.domains.devices.enrolment import Applicant
from eucora.gateway.certificates import public_der, read_csr
from eucora.gateway.doors.https import Request, Response, good
from eucora.gateway.house import Gateway
from eucora.gateway.logon import KEY_ID, decode
from eucora.gateway.signed import proved
from eucora.problems import Refused
from eucora.secrets import raw_public
from eucora.settings import addresses
from eucora_wire.enrol import Enrolled, EnrolRequest, RenewRequest
from eucora_wire.envelope import PublicKey, algorithm_of, thumbprint

_enrol = msgspec.json.Decoder(EnrolRequest)
_renew = msgspec.json.Decoder(RenewRequest)


async def enrol(request: Request, house: Gateway) -> Response:
    """A token and a CSR against a certificate. Each refusal is an audit event. Raises Refused, TryLater."""
    now = clock.now()
    house.origin_pace.take(request.origin, clock.monotonic())
    try:
        asked = decode(_enrol, _whole(request))
        key = read_csr(asked.csr)
        device = await enrolment.enrol(house.pool, asked.token, _applicant(key, request.origin), now)
    except Refused as refused:
        await enrolment.refuse(house.pool, "enrolment.refused", refused.slug, None, request.origin, now)
        raise
    return await _enrolled(key, device, house, now)


async def renew(request: Request, house: Gateway) -> Response:
    """A new certificate, for the same key or a new one, asked for by the enrolled key at any time. Raises Refused."""
    now = clock.now()
    house.origin_pace.take(request.origin, clock.monotonic())
    device = None
    try:
        signer = await proved(request, house, "eucora-renew")
        device = signer.device
        key = read_csr(decode(_renew, _whole(request)).csr)
        await enrolment.renew(house.pool, signer, _applicant(key, request.origin), now)
    except Refused as refused:
        await enrolment.refuse(house.pool, "renewal.refused", refused.slug, device, request.origin, now)
        raise
    return await _enrolled(key, device, house, now)


async def authorities(request: Request, house: Gateway) -> Response:
    """Every authority that this installation trusts, as PEM."""
    house.origin_pace.take(request.origin, clock.monotonic())
    return Response(200, [("content-type", "application/x-pem-file")], house.authority.trusted.encode())


def _whole(request: Request) -> bytes:
    if request.body is None:
        raise Refused("too-large")
    return request.body


def _applicant(key: PublicKey, origin: str) -> Applicant:
    return Applicant(thumbprint(key), algorithm_of(key), public_der(key), origin)


async def _enrolled(key: PublicKey, device: uuid.UUID, house: Gateway, now: datetime) -> Response:
    issued = house.authority.sign_device(key, device, now, house.settings.certificate_hours)
    if not house.notices.config.version:
        await house.notices.refresh()
    return good(
        Enrolled(
            device_id=device,
            installation=house.installation,
            certificate=issued.pem,
            authorities=house.authority.trusted,
            expires=issued.expires,
            logon_key=base64.b64encode(raw_public(house.secrets.logon)).decode(),
            logon_key_id=KEY_ID,
            policy=house.notices.config.policy,
            config=house.notices.config.version,
            gateway=addresses(house.settings)["device_url"],
        )
    )
