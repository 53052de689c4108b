"""VendorSpec: the only description of a vendor's hardware and abilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import UsageError, nearest

if TYPE_CHECKING:
    from byoc.support import BoundTable, SupportTable


@dataclass(frozen=True, slots=True)
class VendorSpec:
    """What a vendor's accelerator can do, for one choice of options.

    `table` says which ops it takes; a vendor without one states everything through pattern rows and
    `byoc_check`. `hardware` is the chosen chip's description; it overrides the table's defaults and is what the
    table's expressions call `hw`. `options` is a JSON Schema (draft 2020-12) of type object for
    `--vendor-option VENDOR.KEY=VALUE`; a property with `"writeOnly": true` is secret and never written to a plan
    or log, one with `"x-byoc-time": "load"` is asked for when an artefact is loaded (else when it is compiled).
    `toolchain` names the version of the vendor's compiler, "" when there is none. `driver` is the path of a native
    driver, a shared library with the export of `byoc_driver.h`; without one, `byoc_load` gives a Python driver.
    `opset` is the ONNX opset that the vendor's compiler reads (`Segment.to_onnx` writes it), None for byoc's own.
    `table_file` is where `from_table` read the table, or would have.
    """

    name: str = ""
    description: str = ""
    table: SupportTable | None = None
    hardware: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    toolchain: str = ""
    driver: Path | None = None
    opset: int | None = None
    table_file: Path | None = None

    @classmethod
    def from_table(
        cls,
        path: Path | str,
        *,
        hardware: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        toolchain: str = "",
        driver: Path | None = None,
        opset: int | None = None,
    ) -> VendorSpec:
        """Make a spec of the support table at `path`. Raises TableError when the table is malformed."""
        table = None
        if _reads_tables.get():
            from byoc.support import load_table

            table = load_table(Path(path))
        return cls(
            name=table.vendor if table else "",
            description=table.description if table else "",
            table=table,
            hardware=dict(hardware or {}),
            options=dict(options or {}),
            toolchain=toolchain,
            driver=driver,
            opset=opset,
            table_file=Path(path),
        )

    def bind(self, values: Mapping[str, Any]) -> BoundTable | None:
        """The support table with this chip's figures in its expressions, or None for a vendor without one."""
        if self.table is None:
            return None
        return self.table.bind(self.hardware, values, self.toolchain)


_reads_tables: ContextVar[bool] = ContextVar("_reads_tables", default=True)


@contextmanager
def without_tables() -> Iterator[None]:
    """Within, `VendorSpec.from_table` reads no table, which takes most of a second: only partitioning needs one."""
    before = _reads_tables.set(False)
    try:
        yield
    finally:
        _reads_tables.reset(before)


def option_values(spec: VendorSpec, given: Mapping[str, str]) -> dict[str, Any]:
    """Read `--vendor-option` texts as the spec's JSON Schema types them, defaults filled in.

    Raises UsageError naming the vendor, the key, what was given and what the schema expects.
    """
    import jsonschema

    properties: Mapping[str, Any] = spec.options.get("properties", {})
    values = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    for key, text in given.items():
        if key not in properties:
            known = ", ".join(sorted(properties)) or "none"
            raise UsageError(
                f"vendor {spec.name!r} has no option {key!r}{nearest(key, properties)} (its options: {known})"
            )
        values[key] = _typed(text, properties[key].get("type"))
    for error in jsonschema.Draft202012Validator(dict(spec.options)).iter_errors(values):
        where = ".".join(str(part) for part in error.absolute_path) or "options"
        key = next(iter(error.absolute_path), "")
        # The validator's words quote the value.
        is_secret = key in properties and properties[key].get("writeOnly")
        words = f"its value does not fit its {error.validator!r}" if is_secret else error.message
        raise UsageError(f"vendor {spec.name!r}, option {where}: {words}")
    return values


def schema_mistake(options: Any) -> str:
    """What is wrong with a spec's `options` as a JSON Schema of type object, "" for nothing; {} has no options."""
    import jsonschema

    if not isinstance(options, Mapping):
        return f"{options!r} of type {type(options).__name__}"
    if options and options.get("type") != "object":
        return f"a schema of type {options.get('type')!r}"
    try:
        jsonschema.Draft202012Validator.check_schema(dict(options))
    except jsonschema.SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path) or "the schema"
        return f"a schema that is none: {where}: {error.message}"
    return ""


def public_values(spec: VendorSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The option values without the secret ones: what plans and reports may hold."""
    properties: Mapping[str, Any] = spec.options.get("properties", {})
    return {
        key: value for key, value in values.items() if not properties.get(key, {}).get("writeOnly")
    }


def value_text(value: Any) -> str:
    """An option's value as the text of `--vendor-option` that gives it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(text: str, kind: object) -> Any:
    """`text` as the JSON Schema type `kind`; left as text when it does not read so (the schema then objects)."""
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    if kind == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return text
