"""The metadata section of Relay text: TVM's JSON graph of nodes, with the constants that the text refers to."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

from byoc.frontends.relay import ast
from byoc.frontends.relay.ndarray import Array, Reader, Truncated
from byoc.frontends.relay.parser import fail

_CONSTANT = ("relay.Constant", "Constant")


class Metadata:
    """The entries of a metadata section, read when they are asked for.

    Raises ModelError for a section that is no JSON graph of TVM's.
    """

    def __init__(self, module: ast.Module, name: str) -> None:
        self.name, self.at = name, ast.Position(module.metadata_line or 1, 1)
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []
        self._entries: dict[str, list[Any]] = {}
        self._read: dict[int, Array] = {}
        if module.metadata.strip():
            self._load(module.metadata)

    def _load(self, text: str) -> None:
        try:
            graph = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = self.at.line + getattr(error, "lineno", 1) - 1
            at = ast.Position(line, getattr(error, "colno", 1))
            fail(self.name, at, f"the metadata section is no JSON: {getattr(error, 'msg', error)}")
        try:
            self._nodes, self._tensors = graph["nodes"], graph.get("b64ndarrays", [])
            root = self._nodes[graph["root"]]
            for key, index in zip(root["keys"], root["data"], strict=True):
                self._entries[key] = [self._nodes[each] for each in self._nodes[index]["data"]]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            words = "the metadata section is not the JSON of nodes that TVM writes"
            self._fail(self.at, f"{words} ({type(error).__name__} while it was read)")

    def _fail(self, at: ast.Position, message: str) -> NoReturn:
        fail(self.name, at, f"{message}. Write the text again with `mod.astext()`.")

    def _missing(self, value: ast.MetaValue, at: ast.Position) -> NoReturn:
        named = f"meta[{value.kind}][{value.index}] is no constant of the metadata section"
        if not self._nodes:
            words = f"{named}: the text has none"
            fail(self.name, at, f"{words}. Write it with `mod.astext(show_meta_data=True)`")
        counts = [f"{len(each)} of {kind}" for kind, each in self._entries.items()]
        self._fail(at, f"{named}, which has {', '.join(counts) or 'no entries'}")

    def constant(self, value: ast.MetaValue, at: ast.Position) -> Array:
        """The constant that `value` refers to; `at` is where it does. Raises ModelError."""
        entries = self._entries.get(value.kind, [])
        if value.kind not in _CONSTANT or value.index >= len(entries):
            self._missing(value, at)
        node = entries[value.index]
        try:
            index = int(node["attrs"]["data"])
            if index not in self._read:
                if index < 0:
                    raise IndexError(index)
                data = base64.b64decode(self._tensors[index], validate=True)
                self._read[index] = Reader(data).tensor()
        except (KeyError, IndexError, TypeError, ValueError, binascii.Error, Truncated) as error:
            self._fail(at, f"meta[{value.kind}][{value.index}] cannot be read ({error})")
        return self._read[index]
