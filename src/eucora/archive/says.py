"""What rows say: conditions on texts, and on the names and values of a JSON object. Pure; constants, never SQL text.

Case is put away on both sides by the same engine, and both sides are compared as text: nothing of a word is a pattern.
"""

import json
import re

from duckdb import (
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
    LambdaExpression,
)

from eucora.problems import Refused
from eucora_wire.fields import TOKEN

NAMED = re.compile(TOKEN)


def says(word: str, text: str, fields: str) -> Expression:
    """Whether `text`, or one of the values in `fields`, contains the word, whatever the case. Null for no."""
    values = FunctionExpression("json_extract_string", ColumnExpression(fields), ConstantExpression("$.*"))
    among = FunctionExpression("list_filter", values, LambdaExpression("v", _contains(ColumnExpression("v"), word)))
    # An object that does not hold it as it is written there need not be taken apart: that is most of the time.
    written = _contains(ColumnExpression(fields), _written(word))
    return _contains(ColumnExpression(text), word) | (
        written & (FunctionExpression("len", among) > ConstantExpression(0))
    )


def holds(fields: str, name: str, value: str) -> Expression:
    """Whether a field has this value; null for no. Raises Refused (bad-request) for a name that no field has."""
    if not NAMED.fullmatch(name):
        raise Refused("bad-request", "the name of a field is made of letters, digits and _.:+~@/-")
    found = FunctionExpression("json_extract_string", ColumnExpression(fields), ConstantExpression(f'$."{name}"'))
    written = FunctionExpression("contains", ColumnExpression(fields), ConstantExpression(_written(value)))
    return written & (found == ConstantExpression(value))


def _contains(text: Expression, word: str) -> Expression:
    """Digits and signs have no case: what is made of them is looked for as it is, in half the time."""
    constant = ConstantExpression(word)
    if word.lower() != word.upper():
        text, constant = FunctionExpression("lower", text), FunctionExpression("lower", constant)
    return FunctionExpression("contains", text, constant)


def _written(text: str) -> str:
    """As it stands in a JSON document of the database."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
