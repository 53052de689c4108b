"""Vendor options: typed by their JSON Schema, secrets kept."""

from pathlib import Path

import pytest

import byoc
from byoc.errors import UsageError
from byoc.spec import option_values, public_values, schema_mistake, without_tables

OPTIONS = {
    "type": "object",
    "properties": {
        "queue": {"type": "integer", "minimum": 1, "default": 8},
        "licence": {"type": "string", "writeOnly": True, "pattern": "^K-"},
    },
}
SPEC = byoc.VendorSpec(name="acme", options=OPTIONS)


def test_values_are_typed_and_secrets_are_not_public() -> None:
    values = option_values(SPEC, {"licence": "K-1"})
    assert values == {"queue": 8, "licence": "K-1"}
    assert public_values(SPEC, values) == {"queue": 8}


def test_a_wrong_value_is_quoted_but_never_a_secret_one() -> None:
    with pytest.raises(UsageError, match="option queue: 0 is less than the minimum of 1"):
        option_values(SPEC, {"queue": "0"})
    with pytest.raises(UsageError) as caught:
        option_values(SPEC, {"licence": "hunter2"})
    assert (
        str(caught.value) == "vendor 'acme', option licence: its value does not fit its 'pattern'"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        (OPTIONS, ""),
        (["chip"], "['chip'] of type list"),
        ({"chip": {"type": "integer"}}, "a schema of type None"),
        (
            {"type": "object", "properties": {"chip": {"type": "intger"}}},
            "a schema that is none: properties.chip.type: 'intger' is not valid under any of the "
            "given schemas",
        ),
    ],
)
def test_options_must_be_the_schema_of_an_object(options: object, words: str) -> None:
    assert schema_mistake(options) == words


def test_a_spec_without_its_table_has_all_else(tmp_path: Path) -> None:
    missing = tmp_path / "support.yaml"
    with without_tables():
        spec = byoc.VendorSpec.from_table(missing, options=OPTIONS, toolchain="2.0")
    assert (spec.table, spec.options, spec.toolchain) == (None, OPTIONS, "2.0")
    with pytest.raises(byoc.ByocError, match="no such file"):
        byoc.VendorSpec.from_table(missing)
