"""What rows say: conditions on texts, and on the names and values of a JSON object. Pure; constants, never SQL text.

Case is put away on both sides by the same engine, and both sides are compared as text: nothing of a word is a pattern.
"""

import json
import re

from duckdb import (
    CoalesceOperator,
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
    """Whether `text`, or one of the values in `fields`, contains the word, whatever the case."""
    small = _small(ConstantExpression(word))
    values = FunctionExpression("json_extract_string", ColumnExpression(fields), ConstantExpression("$.*"))
    value = LambdaExpression("v", FunctionExpression("contains", _small(ColumnExpression("v")), small))
    among = FunctionExpression("len", FunctionExpression("list_filter", values, value)) > ConstantExpression(0)
    # An object that does not hold it as it is written there need not be taken apart: that is most of the time.
    written = FunctionExpression(
        "contains", _small(ColumnExpression(fields)), _small(ConstantExpression(_written(word)))
    )
    said = FunctionExpression("contains", _small(ColumnExpression(text)), small)
    return said | _surely(written & among)


def holds(fields: str, name: str, value: str) -> Expression:
    """Whether a field has this value. Raises Refused (bad-request) for a name that no field has."""
    if not NAMED.fullmatch(name):
        raise Refused("bad-request", "the name of a field is made of letters, digits and _.:+~@/-")
    path = ConstantExpression(f'$."{name}"')
    found = FunctionExpression("json_extract_string", ColumnExpression(fields), path)
    written = FunctionExpression("contains", ColumnExpression(fields), ConstantExpression(_written(value)))
    return _surely(written & (found == ConstantExpression(value)))


def _surely(condition: Expression) -> Expression:
    """A row without an object says nothing, which is not the same as not being known."""
    return CoalesceOperator(condition, ConstantExpression(False))


def _small(text: Expression) -> Expression:
    return FunctionExpression("lower", text)


def _written(text: str) -> str:
    """As it stands in a JSON document of the database."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
