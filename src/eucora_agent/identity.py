"""Who this device is at which platform: key, certificate, trusted authorities and addresses, in the state directory."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from eucora_agent import durable, keys
from eucora_agent.problems import NotEnrolled
from eucora_wire.enrol import Enrolled
from eucora_wire.envelope import PrivateKey

KEY, CERTIFICATE, AUTHORITIES, IDENTITY = "key.pem", "cert.pem", "ca.pem", "identity.json"


class Identity(Struct, frozen=True, omit_defaults=True):
    """What enrolment answered, without certificates. `issued` is when this device got its certificate."""

    device_id: uuid.UUID
    installation: uuid.UUID
    gateway: str
    enrolment: str
    issued: datetime
    expires: datetime
    logon_key: str
    logon_key_id: str
    policy: str
    config: int = 0

    def renew_at(self) -> datetime:
        """After two thirds of the certificate's life."""
        return self.issued + (self.expires - self.issued) * 2 / 3

    def is_due(self, now: datetime) -> bool:
        """Also when the clock stands before the certificate's life: it, or the certificate, can't be right."""
        return now >= self.renew_at() or now < self.issued - timedelta(hours=1)


def keep(folder: Path, told: Enrolled, key: PrivateKey, enrolment: str, now: datetime) -> Identity:
    """Store what an enrolment or a renewal answered. The identity comes last: with it the device is enrolled."""
    keys.store(folder / KEY, key)
    durable.write(folder / CERTIFICATE, told.certificate.encode())
    durable.write(folder / AUTHORITIES, told.authorities.encode())
    known = Identity(
        told.device_id,
        told.installation,
        told.gateway,
        enrolment,
        now,
        told.expires,
        told.logon_key,
        told.logon_key_id,
        told.policy,
        told.config,
    )
    durable.write(folder / IDENTITY, msgspec.json.encode(known))
    return known


def load(folder: Path) -> Identity:
    """Raises NotEnrolled."""
    try:
        return msgspec.json.decode((folder / IDENTITY).read_bytes(), type=Identity)
    except FileNotFoundError as exc:
        raise NotEnrolled from exc
    except msgspec.DecodeError as exc:
        raise NotEnrolled(f"{folder / IDENTITY} is damaged: enrol again with a new token") from exc
