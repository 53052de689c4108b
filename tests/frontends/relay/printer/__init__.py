"""Writes Relax modules as Relay text of version 0.0.5, as `mod.astext()` of TVM 0.16 does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import relax

from tests.frontends.relay.printer.module import Lowering
from tests.frontends.relay.printer.site import NoRelayFormError
from tests.frontends.relay.printer.text import Style, Writer
from tests.frontends.relay.printer.tree import Array

__all__ = ["NoRelayFormError", "Printed", "Style", "print_module"]


@dataclass(frozen=True)
class Printed:
    """The text, and the parameters of `@main` that hold constants, by name."""

    text: str
    params: dict[str, Array]


def print_module(module: Any, style: Style | None = None, *, as_params: bool = False) -> Printed:
    """Write a Relax module; with `as_params` constants of `main` are parameters, as frontends leave them.

    Raises NoRelayFormError for what Relay has no form for.
    """
    style = style or Style()
    writer = Writer(style)
    texts = []
    for var in sorted(module.get_global_vars(), key=lambda each: str(each.name_hint)):
        if not isinstance(module[var], relax.Function):
            raise NoRelayFormError(f"{var.name_hint} is no function of Relax")
        name = str(var.name_hint)
        function = Lowering(style, set()).function(module[var])
        texts.append(writer.definition(name, function, as_params and name == "main"))
    text = '#[version = "0.0.5"]\n' + "\n".join(texts) + writer.constants.section()
    return Printed(text, writer.params)
