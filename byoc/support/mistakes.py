"""Mistakes: what the schema found wrong with a table, where it stands and in the table's own words."""

from __future__ import annotations

from typing import Any

from byoc.errors import TableError
from byoc.support.located import Located
from byoc.support.schema import FORMS


def mistake(source: Located, error: Any) -> TableError:
    """A TableError for one entry of a ValidationError's `errors()`, at the place in `source` that it speaks of."""
    place = source.at(*error["loc"])
    context = error.get("ctx", {})
    kind = error["type"]
    mark = place.at(context["name"]).key if kind == "unknown_key" else place.mark
    return mark.error(_words(kind, error, place))


def _words(kind: str, error: Any, place: Located) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if kind in ("value_error", "unknown_key"):
        return message
    name = next((str(step) for step in reversed(error["loc"]) if step not in FORMS), "the table")
    if kind == "missing":
        return f"{name!r} is missing"
    if place.value is None:
        return f"{name!r} is empty; write {{}} for no demands, or remove it"
    if kind == "model_type":
        return f"{name!r} should be a mapping, got {place.plain()!r}"
    if kind == "union_tag_invalid":
        expected = error["ctx"]["expected_tags"].replace("'", "")
        return f"{name!r} cannot be a {error['ctx']['tag']}; expected a {expected.replace(', ', ' or a ')}"
    return f"{name!r} should be {message}, got {place.plain()!r}"
