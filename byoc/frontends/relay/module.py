"""A module of Relay as a Relax module."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tvm import IRModule, ir, relax

from byoc.collector import collector_paused
from byoc.errors import ModelError, UsageError, nearest
from byoc.frontends.model import Model
from byoc.frontends.relay import ast
from byoc.frontends.relay.function import FunctionBuilder, kept_attrs
from byoc.frontends.relay.metadata import Metadata
from byoc.frontends.relay.ndarray import Array
from byoc.frontends.relay.ops import FORMS
from byoc.frontends.relay.order import callees_first
from byoc.frontends.relay.parser import fail, parse

_MAIN = "main"


def read_module(
    path: Path,
    params: Mapping[str, Array],
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    name: str,
    qnn: str,
) -> Model:
    """Read a file of Relay text. Raises ModelError, and UsageError for shapes that do not fit."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    text = _text(data, name)
    return convert_text(text, params, shapes, dims, name, qnn)


def _text(data: bytes, name: str) -> str:
    """UTF-8, or the UTF-16 that a Windows shell writes to files; a byte order mark is no part of it."""
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if wide else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        at = ast.Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        words = f"byte 0x{data[error.start]:02x} is no {encoding[:6].upper()}; expected Relay text"
        fail(name, at, f"{words}, as `mod.astext()` of TVM writes it")


def convert_text(
    text: str,
    params: Mapping[str, Array],
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    name: str,
    qnn: str = "qdq",
) -> Model:
    """Convert Relay text; `params` become constants of `main`, `qnn` is a key of `FORMS`.

    `shapes` binds parameters of `main` with unknown dimensions. Raises ModelError with line and column, UsageError
    for shapes that do not fit.
    """
    with collector_paused():
        return _convert(parse(text, name), params, shapes, dims, name, qnn)


def _convert(
    tree: ast.Module,
    params: Mapping[str, Array],
    shapes: Mapping[str, Sequence[int]],
    dims: Mapping[str, int],
    name: str,
    qnn: str,
) -> Model:
    if _MAIN not in tree.functions:
        known = ", ".join(f"@{each}" for each in tree.functions) or "none at all"
        words = f"the text has no function @main, but {known}"
        fail(name, ast.Position(1, 1), f"{words}. Write the whole module with `mod.astext()`")
    main = tree.functions[_MAIN]
    types = _bound_types(main, shapes, dims, name)
    constants, notes = _constants(main, params)
    return _Module(tree, name, constants, types, qnn).convert(notes)


class _Module:
    """Functions, each made after those that it calls."""

    def __init__(
        self,
        tree: ast.Module,
        name: str,
        constants: Mapping[str, Array],
        types: Mapping[str, Any],
        qnn: str,
    ) -> None:
        self.tree, self.name, self.constants, self.types = tree, name, constants, types
        self.metadata = Metadata(tree, name)
        self.operators = FORMS[qnn]
        self.made: dict[str, tuple[Any, Any]] = {}
        self.origins: dict[str, dict[str, tuple[str, ...]]] = {}

    def convert(self, notes: tuple[str, ...]) -> Model:
        for each in callees_first(self.tree, self.name):
            self._function(each)
        module = IRModule(dict(self.made.values()))
        main = module[_MAIN]
        inputs = [
            each.name
            for each in self.tree.functions[_MAIN].params
            if each.name not in self.constants
        ]
        return Model(
            name=self.name,
            module=module,
            origins=self.origins,
            notes=notes,
            inputs=tuple(inputs),
            outputs=_output_names(main),
        )

    def _function(self, name: str) -> None:
        function = self.tree.functions[name]
        builder = FunctionBuilder(self.name, self.metadata, self.operators, self._called)
        attrs = kept_attrs(function.attrs)
        is_main = name == _MAIN
        if is_main or "global_symbol" in attrs:
            attrs["global_symbol"] = name  # Relax has one name of a function, not two
        made = builder.build(
            function, self.constants if is_main else {}, self.types if is_main else {}, attrs
        )
        var = ir.GlobalVar(name)
        relax.expr._update_type(var, made.ty)
        self.made[name] = (var, made)
        self.origins[name] = builder.origins

    def _called(self, callee: ast.Global) -> Any:
        return self.made[callee.name][0]


def _constants(
    main: ast.Function, params: Mapping[str, Array]
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The parameters of main that are given, and a note of each that main does not have."""
    known = {each.name for each in main.params}
    given = {name: array for name, array in params.items() if name in known}
    notes = tuple(f"main has no parameter {name!r}" for name in params if name not in known)
    return given, notes


def _bound_types(
    main: ast.Function, shapes: Mapping[str, Sequence[int]], dims: Mapping[str, int], name: str
) -> dict[str, Any]:
    known = {each.name: each.type for each in main.params}
    if dims:
        raise UsageError(
            f"{name}: Relay's dimensions have no names, so {next(iter(dims))!r} cannot be bound; give "
            "the input's shape"
        )
    types = {}
    for each, shape in shapes.items():
        written = known.get(each)
        if not isinstance(written, ast.TensorType):
            raise UsageError(f"{name}: no tensor {each!r} among the inputs{nearest(each, known)}")
        fits = len(shape) == len(written.shape) and all(
            dim is None or dim == have for dim, have in zip(written.shape, shape, strict=True)
        )
        if not fits:
            raise UsageError(
                f"{name}: the shape {tuple(shape)} does not fit {each!r}, {written.shape}"
            )
        types[each] = relax.TensorType(list(shape), written.dtype)
    return types


def _output_names(main: Any) -> tuple[str, ...]:
    body = main.body.body
    fields = list(body.fields) if isinstance(body, ir.Tuple) else [body]
    return tuple(
        each.name if isinstance(each, ir.Var) else f"output{index}"
        for index, each in enumerate(fields)
    )
