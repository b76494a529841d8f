"""How generated JSON is written: indented, in the order of its making, with a line feed at the end."""

import json


def as_json(value: object) -> str:
    """The text of a generated JSON file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
