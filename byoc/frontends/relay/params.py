"""Parameters of a Relay model from a file of their own: `.params` or `.npz`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from byoc.errors import ModelError
from byoc.frontends.relay.ndarray import Array, Truncated, read_params

__all__ = ["load_params"]


def load_params(path: Path) -> dict[str, Array]:
    """Read the parameters by name: numpy's `.npz`, anything else as what `relay.save_param_dict` writes.

    Raises ModelError for a file that cannot be read.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: np.asarray(arrays[name]) for name in arrays.files}
        return read_params(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except (Truncated, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} holds no parameters: {error}. Expected what relay.save_param_dict wrote, or an .npz file."
        ) from error
