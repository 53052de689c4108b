"""Patterns of the operations that a vendor executes as one: `byoc.patterns`.

Three ways to write them, one meaning: the text of a support table (`parse`), Python in the style of TVM's `dpl`
(`is_op`, `wildcard`, ...), and TVM's own pattern objects (`from_dpl`, `rows_from_tvm`). Only the last imports TVM.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from byoc.partition.patterns.api import any_tuple as any_tuple
    from byoc.partition.patterns.api import is_const as is_const
    from byoc.partition.patterns.api import is_number as is_number
    from byoc.partition.patterns.api import is_op as is_op
    from byoc.partition.patterns.api import is_tuple as is_tuple
    from byoc.partition.patterns.api import is_tuple_get_item as is_tuple_get_item
    from byoc.partition.patterns.api import optional as optional
    from byoc.partition.patterns.api import outputs as outputs
    from byoc.partition.patterns.api import row as row
    from byoc.partition.patterns.api import wildcard as wildcard
    from byoc.partition.patterns.ast import COMMUTATIVE as COMMUTATIVE
    from byoc.partition.patterns.ast import Pattern as Pattern
    from byoc.partition.patterns.ast import Row as Row
    from byoc.partition.patterns.printer import to_text as to_text
    from byoc.partition.patterns.text import parse as parse
    from byoc.partition.patterns.tvm_dpl import from_dpl as from_dpl
    from byoc.partition.patterns.tvm_dpl import rows_from_tvm as rows_from_tvm

_HOMES: Final = {
    "COMMUTATIVE": "ast",
    "Pattern": "ast",
    "Row": "ast",
    "any_tuple": "api",
    "from_dpl": "tvm_dpl",
    "is_const": "api",
    "is_number": "api",
    "is_op": "api",
    "is_tuple": "api",
    "is_tuple_get_item": "api",
    "optional": "api",
    "outputs": "api",
    "parse": "text",
    "row": "api",
    "rows_from_tvm": "tvm_dpl",
    "to_text": "printer",
    "wildcard": "api",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
