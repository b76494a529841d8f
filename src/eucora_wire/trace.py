"""The trace of a batch (W3C Trace Context). Its ids are made from the batch's digest: each stage knows them by itself.

Nothing has to be carried or kept for it, and told twice a span is the same span. Whether it is sampled is read off the
trace id too, as OpenTelemetry's TraceIdRatioBased does: agent and platform agree without a word.
"""

import hashlib
import re

RATIO = 0.01
"""Of the batches, which an agent marks as sampled."""
_GRAMMAR = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def trace_of(digest: bytes) -> bytes:
    """The 16 bytes of a batch's trace id, from its digest (`eucora-previous` of the batch after it)."""
    return hashlib.sha256(b"eucora-trace" + digest).digest()[:16]


def span_of(trace: bytes, stage: str) -> bytes:
    """The 8 bytes of the span id of one stage of it."""
    return hashlib.sha256(trace + stage.encode()).digest()[:8]


def sampled(trace: bytes, ratio: float) -> bool:
    """Whether it is one of those: the same for every smaller ratio that takes it."""
    return int.from_bytes(trace[8:]) < ratio * 2**64


def traceparent(digest: bytes, ratio: float = RATIO) -> str:
    """The header that the agent sends with a batch."""
    trace = trace_of(digest)
    return f"00-{trace.hex()}-{span_of(trace, 'send').hex()}-{sampled(trace, ratio):02x}"


def parse(header: str) -> tuple[bytes, bytes, bool] | None:
    """(trace id, parent's span id, sampled); None for what is no traceparent: it is nobody's fault, and ignored.

    https://www.w3.org/TR/trace-context/: version 00 ends behind the flags, later ones may go on; zeros are no ids.
    """
    found = _GRAMMAR.fullmatch(header)
    if found is None or (found[1] == "00" and found[5]):
        return None
    trace, span = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    return (trace, span, bool(int(found[4], 16) & 1)) if any(trace) and any(span) else None
