"""`relay.build_module`: binding parameters, which tables do before they partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byoc.errors import PatternError, nearest


def bind_params_by_name(func: Any, params: Mapping[str, Any]) -> Any:
    """A Relax function with constants in place of the parameters that `params` names (numpy arrays or tensors).

    Raises PatternError for a name that the function does not have.
    """
    from tvm import relax
    from tvm.runtime import tensor

    names = [param.name for param in func.params]
    for name in params:
        if name not in names:
            raise PatternError(
                f"no parameter {name!r} (there is: {', '.join(names)}){nearest(name, names)}"
            )
    given = {
        name: relax.const(each if hasattr(each, "device") else tensor(each))
        for name, each in params.items()
    }
    return func.bind_params(given)
