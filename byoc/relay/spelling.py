"""The names that Relay has: those with a form in Relax, and those that only Relay spells as one operator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from byoc.relay.forms import FORMS, Form, Plain
from byoc.relay.names import NAMES, WITHOUT_FORM


@cache
def forms() -> Mapping[str, Form]:
    """Relay's operators and what each of them is in Relax."""
    return {**{name: Plain(row) for name, row in NAMES.items()}, **FORMS}


@cache
def known() -> frozenset[str]:
    """Every operator of Relay that a pattern may name."""
    return frozenset(forms()) | WITHOUT_FORM
