"""Bundle: what `byoc.codegen.keep` wrote is read back, and held to what it must be before any of it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from byoc._version import __version__
from byoc.codegen.keep import ABOUT, EXPECTED, FORMAT, INPUTS, PARTITION
from byoc.errors import ByocError, PlanError

if TYPE_CHECKING:
    from byoc.segment import Segment
    from byoc.store import StoredPartition

Array = npt.NDArray[np.generic]

_KINDS = {
    "segment": str,
    "vendor": str,
    "options": dict,
    "inputs": list,
    "outputs": list,
    "notes": list,
}
"""What `bundle.json` must have for a bundle to be run."""


def read_about(folder: Path) -> dict[str, Any]:
    """What `bundle.json` says. Raises PlanError when the folder is no bundle of this format."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        held = sorted(each.parent.name for each in folder.glob(f"*/{ABOUT}"))
        wanted = (
            f"one of those in it: {', '.join(held)}"
            if held
            else "a folder that `byoc compile --keep` wrote"
        )
        raise PlanError(
            f"{folder} is no repro bundle ({_missing(folder, error)}); expected {wanted}"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        given = about.get("format") if isinstance(about, dict) else None
        raise PlanError(
            f"{folder / ABOUT}: format {given!r}, expected {FORMAT}; keep it again with this version of byoc"
        )
    wrong = [key for key, kind in _KINDS.items() if not isinstance(about.get(key), kind)]
    ports = [] if wrong else [*about["inputs"], *about["outputs"]]
    if not all(isinstance(each, dict) and {"name", "dtype"} <= set(each) for each in ports):
        wrong = ["inputs and outputs"]
    if wrong:
        raise PlanError(
            f"{folder / ABOUT}: it does not say {wrong[0]} as byoc wrote it; get the bundle or keep it again"
        )
    return about


def _missing(folder: Path, error: Exception) -> str:
    """Why `bundle.json` cannot be read, without the system's numbers."""
    if isinstance(error, FileNotFoundError):
        return f"it has no {ABOUT}" if folder.is_dir() else "there is no such folder"
    if isinstance(error, NotADirectoryError):
        return "it is a file"
    if isinstance(error, OSError):
        return f"{ABOUT}: {error.strerror or error}"
    return f"{ABOUT} is damaged: {_line(error)}"


def read_segment(folder: Path, about: Mapping[str, Any]) -> tuple[StoredPartition, Segment]:
    """The bundle's partition, and its one segment. Raises PlanError when it is missing, altered or another's."""
    from byoc.store import load_partition

    path = folder / PARTITION
    try:
        stored = load_partition(path)
        segments = stored.segments()
    except ByocError:
        raise
    except (
        Exception
    ) as error:  # TVM and safetensors have errors of their own for what they cannot read
        raise PlanError(
            f"{path}: cannot be read back ({type(error).__name__}: {_line(error)}){_build(about)}; keep "
            "the bundle again"
        ) from error
    if [each.vendor for each in segments] != [about["vendor"]]:
        held = ", ".join(f"{each.symbol} of {each.vendor}" for each in segments) or "none"
        raise PlanError(
            f"{path}: its segments are {held}, expected one of vendor {about['vendor']} as {ABOUT} says; get the "
            "bundle or keep it again"
        )
    return stored, segments[0]


def read_expected(folder: Path, about: Mapping[str, Any]) -> dict[str, Array] | None:
    """What the host computed, by output; None for a bundle that was kept without inputs.

    Raises PlanError when this or the inputs are missing or damaged.
    """
    files = {name: (folder / name).is_file() for name in (INPUTS, EXPECTED)}
    if not any(files.values()) and any(INPUTS in str(note) for note in about["notes"]):
        return None
    _read(folder / INPUTS, about["inputs"])
    return _read(folder / EXPECTED, about["outputs"])


def dtype_of(name: str) -> Any:
    """The dtype of numpy that has this name, bfloat16 and its kin included."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name) if hasattr(ml_dtypes, name) else name)


def _read(path: Path, ports: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    try:
        with path.open("rb") as file, np.load(file) as given:
            if list(given.files) != [port["name"] for port in ports]:
                raise ValueError(f"it has {', '.join(given.files) or 'nothing'}")
            return {
                port["name"]: given[port["name"]].view(dtype_of(port["dtype"])) for port in ports
            }
    except Exception as error:  # zipfile, zlib and numpy have one each for what is damaged
        words = error.strerror if isinstance(error, OSError) and error.strerror else _line(error)
        raise PlanError(
            f"{path}: cannot be read ({words}); expected the arrays that {ABOUT} names; get the bundle or keep it "
            "again"
        ) from error


def _build(about: Mapping[str, Any]) -> str:
    written = about.get("byoc")
    return (
        "" if written == __version__ else f"; byoc {written} wrote it, this is byoc {__version__}"
    )


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no words"])[0]
