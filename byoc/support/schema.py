"""The format of a support table, as pydantic models: what `byoc vendors schema` prints as JSON Schema.

Any scalar may be `=EXPRESSION` instead; it is evaluated when the table is bound to a chip, or for each op when it
reads the op's tensors or attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from byoc.errors import nearest
from byoc.support.expressions import ExpressionError, parse
from byoc.support.leaves import DTYPES, parse_dim, parse_signature, parse_size

_EXPRESSION = {"type": "string", "pattern": "^=", "description": "an expression"}


def is_expression(value: object) -> bool:
    """Whether a scalar is written as `=EXPRESSION`."""
    return isinstance(value, str) and value.startswith("=")


@dataclass(frozen=True, eq=False)
class Leaf:
    """A scalar type: `check` says in words what is wrong with a value; `forms` are its JSON Schemas."""

    check: Callable[[Any], str | None]
    forms: tuple[Mapping[str, Any], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [*map(dict, self.forms), _EXPRESSION]}

    def validate(self, value: Any) -> Any:
        """Return `value` as it is. Raises ValueError in the table's words."""
        if is_expression(value):
            _parsed(value[1:])
            return value
        wrong = self.check(value)
        if wrong:
            raise ValueError(wrong)
        return value


def _parsed(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as e:
        raise ValueError(str(e)) from e


def _whole(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return f"expected a whole number from 0 on or =EXPRESSION, got {value!r}"
    return None


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"expected a number or =EXPRESSION, got {value!r}"
    return None


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"expected true or false, got {value!r}"


def _scalar(value: Any) -> str | None:
    if value is None:
        return "nothing stands here; give a value (write [null] for 'none is given')"
    return (
        None if isinstance(value, bool | int | float | str) else f"expected a scalar, got {value!r}"
    )


def _size(value: Any) -> str | None:
    if isinstance(value, str) and parse_size(value) is not None:
        return None
    return _whole(value) and f"expected bytes, a size like 512KiB or =EXPRESSION, got {value!r}"


def _signature(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"expected a dtype or a signature like '(int8, int8) -> int8', got {value!r}"
    parse_signature(value)
    return None


def _dtype(value: Any) -> str | None:
    if not isinstance(value, str) or "(" in value or "->" in value:
        return f"expected a dtype, got {value!r}; signatures stand in the row's own 'dtypes'"
    parse_signature(value)
    return None


def _dim(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return f'expected an extent, "%16", "1..8192", "*", "?" or "...", got {value!r}'
    parse_dim(value)
    return None


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else f"expected text, got {value!r}"


def _condition(value: Any) -> Any:
    """An expression of a `when` rule; the leading `=` is not written there."""
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"expected an expression, got {value!r}")
    _parsed(value)
    return value


def _leaf(check: Callable[[Any], str | None], *forms: Mapping[str, Any]) -> Leaf:
    return Leaf(check, forms)


Whole: TypeAlias = Annotated[Any, _leaf(_whole, {"type": "integer", "minimum": 0})]
Number: TypeAlias = Annotated[Any, _leaf(_number, {"type": "number"})]
Flag: TypeAlias = Annotated[Any, _leaf(_flag, {"type": "boolean"})]
Scalar: TypeAlias = Annotated[Any, _leaf(_scalar, {"type": ["boolean", "number", "string"]})]
Text: TypeAlias = Annotated[Any, _leaf(_text, {"type": "string", "minLength": 1})]
Size: TypeAlias = Annotated[
    Any,
    _leaf(
        _size,
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|kB|KB|MB|GB)$"},
    ),
]
Dtype: TypeAlias = Annotated[Any, _leaf(_dtype, {"enum": list(DTYPES)})]
SignatureText: TypeAlias = Annotated[
    Any,
    _leaf(
        _signature,
        {"enum": list(DTYPES)},
        {"type": "string", "pattern": r"^\(.*\)\s*->\s*.+$"},
    ),
]
DimText: TypeAlias = Annotated[
    Any,
    _leaf(
        _dim,
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^(\*|\.\.\.|\d+\?|(\d*\.\.\d*)?(%[1-9]\d*)?\??)$"},
    ),
]
Condition: TypeAlias = Annotated[
    Any, PlainValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})
]


FORMS = ("scalar", "list", "mapping")
"""The tags of the forms a value may have; a validation error's location has them among its steps."""


def _kind(value: Any) -> str:
    """Which form of a value this is, so that an error speaks of that form alone."""
    if isinstance(value, dict | BaseModel):
        return "mapping"
    return "list" if isinstance(value, list) else "scalar"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_key(cls, data: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise PydanticCustomError(
                    "unknown_key",
                    "{key} is no key of {where}{near} (keys: {known})",
                    {
                        "key": repr(key),
                        "name": key,
                        "where": cls.__name__.removesuffix("Rule").lower(),
                        "near": nearest(str(key), known),
                        "known": ", ".join(known),
                    },
                )
        return data


class Bounds(_Strict):
    """A range of numbers, ends included."""

    min: Number | None = None
    max: Number | None = None
    multiple_of: Number | None = None


class ByteBounds(_Strict):
    """How many bytes a tensor may take."""

    min: Size | None = None
    max: Size | None = None


class DimBounds(_Strict):
    """A dimension whose limits are expressions; `symbolic: true` lets it be unknown."""

    min: Whole | None = None
    max: Whole | None = None
    multiple_of: Whole | None = None
    symbolic: Flag = False


Rank: TypeAlias = Annotated[
    Annotated[Whole, Tag("scalar")]
    | Annotated[list[Whole], Tag("list")]
    | Annotated[Bounds, Tag("mapping")],
    Discriminator(_kind),
]
Dim: TypeAlias = Annotated[
    Annotated[DimText, Tag("scalar")] | Annotated[DimBounds, Tag("mapping")], Discriminator(_kind)
]
Layout: TypeAlias = Annotated[
    Annotated[Text, Tag("scalar")] | Annotated[list[Text], Tag("list")], Discriminator(_kind)
]


class AttributeRule(_Strict):
    """What an attribute may be: bounds of a number, `any` of some values, a rule for `each` element."""

    min: Number | None = None
    max: Number | None = None
    multiple_of: Number | None = None
    any: list[Any] | None = Field(default=None, description="one of these values")
    each: AttributeValue | None = Field(default=None, description="held by each element")
    len: Rank | None = Field(default=None, description="how many elements")
    because: str = ""


AttributeValue: TypeAlias = Annotated[
    Annotated[Scalar, Tag("scalar")]
    | Annotated[list[Any], Tag("list")]
    | Annotated[AttributeRule, Tag("mapping")],
    Discriminator(_kind),
]


class InputRule(_Strict):
    """What one input may be. `each` holds every tensor of an input that is a tuple (`concat`)."""

    dtypes: list[Dtype] | None = None
    rank: Rank | None = None
    layout: Layout | None = None
    shape: list[Dim] | None = Field(
        default=None,
        description='one entry a dimension: 3, "%16", "1..8192", "*", "?" (may be unknown), "..."',
    )
    bytes: ByteBounds | None = None
    constant: Flag | None = None
    each: InputRule | None = None
    because: str = ""


class When(_Strict):
    """`holds` must be true, where `if` is; `because` is what users read when it is not."""

    if_: Condition | None = Field(default=None, alias="if")
    holds: Condition
    because: str = ""


WhenRule: TypeAlias = Annotated[
    Annotated[Condition, Tag("scalar")] | Annotated[When, Tag("mapping")], Discriminator(_kind)
]


class Defaults(_Strict):
    """What rows and patterns have that do not say otherwise."""

    qdq: Flag | None = None
    use: Literal["alone", "joined", "fused"] | None = None
    dtypes: list[SignatureText] | None = Field(default=None, min_length=1)
    rank: Rank | None = None


class Row(Defaults):
    """What the vendor takes of one op. Everything that is stated must hold; nothing stated is no demand."""

    description: str = ""
    inputs: dict[str, InputRule] = Field(default_factory=dict)
    attrs: dict[str, AttributeValue] = Field(default_factory=dict)
    when: list[WhenRule] = Field(default_factory=list)


class PatternRow(Row):
    """A pattern of several ops that the vendor executes as one; rules speak of its wildcards and named values."""

    match: str
    priority: int = 0


class Segments(_Strict):
    """What the hardware demands of a whole segment; obeyed while regions grow."""

    max: Whole | None = Field(default=None, description="segments of one model")
    max_ops: Whole | None = Field(default=None, description="ops in one segment")
    max_constant_bytes: Size | None = Field(default=None, description="constants of one segment")
    alignment: Whole | None = Field(default=None, description="bytes that borders are aligned to")


Rows: TypeAlias = Annotated[
    Annotated[list[Row], Field(min_length=1), Tag("list")] | Annotated[Row, Tag("mapping")],
    Discriminator(_kind),
]


class Table(_Strict):
    """A support table: everything that a vendor's accelerator takes."""

    vendor: str = Field(min_length=1, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    version: Literal[1] = Field(description="of the table format")
    description: str = ""
    extends: str | None = Field(
        default=None, description="another table, relative to this file: this one is merged onto it"
    )
    hardware: dict[str, Any] = Field(default_factory=dict)
    defaults: Defaults = Field(default_factory=Defaults)
    ops: dict[str, Rows] = Field(default_factory=dict)
    patterns: dict[str, PatternRow] = Field(default_factory=dict)
    segments: Segments = Field(default_factory=Segments)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a support table, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Table.model_json_schema(by_alias=True),
    }
