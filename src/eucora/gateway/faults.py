"""What a log line says of a fault of ours: kind and place. Messages of exceptions may repeat values, so they stay out."""

import traceback
from pathlib import Path

import structlog

log = structlog.get_logger()


def report(event: str, fault: BaseException) -> None:
    """One ERROR line: somebody must look."""
    frames = traceback.extract_tb(fault.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-4:]]
    log.error(event, fault=type(fault).__name__, at=places)
