"""Audit: an append-only, hash-chained, signed trail. Everybody tells it by `record`; only this domain writes it."""

from eucora.domains.audit.age_out import age_out
from eucora.domains.audit.heads import sign_head
from eucora.domains.audit.records import Act, ActorKind, AuditClass, Event, Head, Verdict
from eucora.domains.audit.verify import verify, verify_lines
from eucora.domains.audit.write import by, record, sealed

__all__ = [
    "Act",
    "ActorKind",
    "AuditClass",
    "Event",
    "Head",
    "Verdict",
    "age_out",
    "by",
    "record",
    "sealed",
    "sign_head",
    "verify",
    "verify_lines",
]
