"""Arrays from the command line and to files: `.npy` and `.npz`, read without pickles, written all at once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import InputError, UsageError

if TYPE_CHECKING:
    from byoc.manifest import Port

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a zip file: the same arrays give the same bytes."""


def read_inputs(
    given: Sequence[str], archive: Path | None, ports: Sequence[Port]
) -> dict[str, Any]:
    """The arrays of `--input NAME=FILE.npy` and `--inputs FILE.npz`, by name; {} when neither was given.

    Raises UsageError or InputError; whether they are the model's inputs is the runtime's to say.
    """
    arrays = {} if archive is None else _read_archive(archive)
    for text in given:
        name, equals, file = text.partition("=")
        if not equals and len(ports) == 1:
            # A model of one input needs no name.
            name, file = ports[0].name, text
        elif not (name and equals and file):
            names = ", ".join(port.name for port in ports)
            raise UsageError(
                f"--input {text!r}: expected NAME=FILE.npy (the inputs: {names or 'none'})"
            )
        if name in arrays:
            raise UsageError(f"--input {text!r}: input {name!r} is given twice")
        arrays[name] = _read_array(Path(file))
    dtypes = {port.name: port.dtype for port in ports}
    return {name: _as_dtype(array, dtypes.get(name)) for name, array in arrays.items()}


def archive_bytes(arrays: Mapping[str, Any]) -> bytes:
    """The arrays as a `.npz` file: names are taken as they are, and nothing in it tells the time."""
    import numpy as np

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(
                zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True
            ) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return out.getvalue()


def _read_archive(path: Path) -> dict[str, Any]:
    loaded = _load(path)
    if not isinstance(loaded, dict):
        raise InputError(f"{path} holds one array without a name; expected a .npz, or use --input")
    return loaded


def _read_array(path: Path) -> Any:
    loaded = _load(path)
    if isinstance(loaded, dict):
        raise InputError(f"{path} is an archive of arrays; expected a .npy, or use --inputs")
    return loaded


def _load(path: Path) -> Any:
    """The array in `path`, or a dict of those of an archive."""
    import numpy as np

    try:
        # A file of ours: numpy leaves its own open when an archive cannot be read.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: loaded[name] for name in loaded.files}
            return loaded
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, ValueError) and "pickle" in words:
        # numpy takes whatever it does not know for a pickle.
        words = "it is no array file of numpy, or holds Python objects"
    return InputError(
        f"cannot read {path}: {words}; expected a file that numpy.save or numpy.savez wrote"
    )


def _as_dtype(array: Any, name: str | None) -> Any:
    """`array` as the dtype `name` where numpy's format has no word for that: bfloat16 is stored as raw bytes."""
    if name is None or array.dtype.kind != "V":
        return array
    from byoc.runtime.tensors import numpy_dtype

    wanted = numpy_dtype(name)
    return array.view(wanted) if array.dtype.itemsize == wanted.itemsize else array
