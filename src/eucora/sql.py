"""SQL lives in files beside the code that runs it: `-- name: absent_since`, a sentence, the statement."""

import re
from pathlib import Path
from types import SimpleNamespace

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)


def load(module_file: str, name: str = "queries.sql") -> SimpleNamespace:
    """The statements of `name` beside `module_file`, as attributes. Raises ValueError for one that is there twice."""
    text = (Path(module_file).parent / name).read_text(encoding="utf-8")
    pieces = _NAME.split(text)[1:]
    names = pieces[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{name}: a statement is named twice")
    return SimpleNamespace(**{n: body.strip().rstrip(";") for n, body in zip(names, pieces[1::2], strict=True)})
