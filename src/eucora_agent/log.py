"""The agent's log: JSON lines on stderr, the event a constant, the rest fields; ids and counts, nobody's name."""

import sys

import msgspec

from eucora_agent import moment


def log(event: str, **fields: object) -> None:
    line = {"event": event, "timestamp": moment.read().now, **fields}
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()
