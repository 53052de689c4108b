"""Store: a partition as a folder that other programs can read, and back.

    plan.json               the plan, and the SHA-256 of every other file
    module.py               the Relax module as TVM script; `metadata["ir.GenericConst"][i]` is constant i
    constants.safetensors   every constant once, as bytes; its header gives dtype and shape
    host/NAME.onnx          the ONNX node behind each host call
    source.*                the module before partition, and how it was cut (`byoc.source`)

The same partition gives the same bytes. docs/partition-folder.md is the description for other readers.
"""

from __future__ import annotations

import ast
import hashlib
import json
import keyword
import os
import shutil
import tempfile
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import PlanError, UsageError
from byoc.partition.plan import OpPlan, Plan, Refusal, SegmentPlan, TensorInfo

if TYPE_CHECKING:
    from tvm import IRModule

    from byoc.frontends.model import Model
    from byoc.pipeline import Partition
    from byoc.segment import Segment
    from byoc.source import Blocks

FORMAT = 2
PLAN, MODULE, CONSTANTS, HOST = "plan.json", "module.py", "constants.safetensors", "host"


@dataclass(frozen=True)
class StoredPartition:
    """A partition read back: the module with its constants, the plan, and the ONNX bytes of each host call.

    `digest` is the SHA-256 (hexadecimal) of `plan.json`, which has those of all other files. The module, and
    `source` (the model before partition and how each of its blocks was cut), are read when they are first asked
    for.
    """

    plan: Plan
    host_nodes: Mapping[str, bytes]
    digest: str
    _module: Callable[[], IRModule] = field(repr=False, compare=False)
    _source: Callable[[], tuple[Model, Blocks]] = field(repr=False, compare=False)

    @cached_property
    def module(self) -> IRModule:
        """The partitioned module. Raises PlanError when the folder was altered since it was loaded."""
        return self._module()

    @cached_property
    def source(self) -> tuple[Model, Blocks]:
        """The model and its blocks. Raises PlanError when the folder was altered since it was loaded."""
        return self._source()

    def segments(self) -> tuple[Segment, ...]:
        """The segments as codegen is given them, in the order of the plan; made anew at each call."""
        from byoc.partition.outline import Outline
        from byoc.segment import segments_of

        model, blocks = self.source
        return segments_of(blocks, Outline()(model.module, blocks))


def save_partition(partition: Partition, path: Path, *, force: bool = False) -> None:
    """Write `partition` to the folder `path`: all of it or nothing.

    Raises UsageError when `path` cannot be written, or exists (unless `force` and it is such a folder, which is
    then replaced).
    """
    if path.exists() and not (force and (path / PLAN).is_file()):
        what = "is no partition folder" if force else "exists already"
        raise UsageError(
            f"cannot write the partition to {path}: it {what}; name a new folder or use --force"
        )
    with new_folder(path, "the partition") as folder:
        files, constants = _write(partition, folder)
        about = {"constants": constants, "files": files}
        plan = {"format": FORMAT, **asdict(partition.plan), **about}
        (folder / PLAN).write_text(json.dumps(plan, indent=1) + "\n", "utf-8")


def load_partition(path: Path | str) -> StoredPartition:
    """Read the folder `path` that `save_partition` wrote.

    Raises PlanError when a file is missing, of another format version, or not what the plan's SHA-256 says.
    """
    folder = Path(path)
    stored = _read_plan(folder)
    _hold_files(folder, stored["files"])
    host = {
        name.removeprefix(f"{HOST}/").removesuffix(".onnx"): (folder / name).read_bytes()
        for name in stored["files"]
        if name.startswith(f"{HOST}/")
    }

    def module() -> IRModule:
        _hold_files(folder, stored["files"])
        constants = _read_constants(folder / CONSTANTS)
        return _parse(folder / MODULE, constants[: stored["constants"]])

    def source() -> tuple[Model, Blocks]:
        _hold_files(folder, stored["files"])
        return _source(folder, _read_constants(folder / CONSTANTS), host)

    return StoredPartition(plan_from_json(stored), host, _digest(folder, PLAN), module, source)


def _source(
    folder: Path, constants: Sequence[Any], host: Mapping[str, bytes]
) -> tuple[Model, Blocks]:
    from byoc.source import read_source, with_host_nodes

    return with_host_nodes(read_source(folder, constants), host)


def _hold_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        if _digest(folder, name) != digest:
            raise PlanError(
                f"{folder / name}: its SHA-256 is not what {PLAN} says; the file was altered, write it again"
            )


def _parse(script: Path, constants: Sequence[Any]) -> IRModule:
    from tvm.script import from_source, ir, relax, tirx

    metadata = {"ir.GenericConst": constants}
    names = {"I": ir, "R": relax, "T": tirx, "TypeVar": typing.TypeVar, "metadata": metadata}
    return from_source(script.read_text("utf-8"), extra_vars=names)


def _write(partition: Partition, folder: Path) -> tuple[dict[str, str], int]:
    """Write everything but the plan; the SHA-256 of each file by name, and how many constants the module has."""
    from byoc.partition._plain import array
    from byoc.partition.constants import take_out
    from byoc.source import content, write_source

    text, constants = print_module(partition.module)
    (folder / MODULE).write_text(text, "utf-8")
    skeleton, before = take_out(partition.model.module)
    numbers = {hash(each): index for index, each in enumerate(constants)}
    for each in before:
        numbers.setdefault(hash(each), len(numbers))
    every = list({hash(each): each for each in (*constants, *before)}.values())
    _write_constants(folder / CONSTANTS, every)
    known = {content(array(each)): index for index, each in enumerate(every)}
    order = [numbers[hash(each)] for each in before]
    names = [MODULE, CONSTANTS, *write_source(partition, folder, skeleton, order, known)]
    if partition.model.host_nodes:
        (folder / HOST).mkdir()
    for symbol, node in sorted(partition.model.host_nodes.items()):
        names.append(f"{HOST}/{symbol}.onnx")
        (folder / names[-1]).write_bytes(node)
    return {name: _digest(folder, name) for name in names}, len(constants)


def print_module(module: IRModule) -> tuple[str, list[Any]]:
    """The TVM script of `module` without its constants, and the constants in the order of the script's indices.

    The script is that of a copy in which each constant is a small stand-in: printing megabytes of weights as text
    only to drop them takes minutes. Scalars that text can hold exactly stay in the script.
    """
    from byoc.partition.constants import take_out

    skeleton, constants = take_out(_legible(module), keep=_in_text)
    order = _metadata_order(skeleton.script(show_meta=True)) if constants else []
    lines = skeleton.script(show_meta=False).splitlines()
    # TVM repeats its import hint before every local function.
    text = "\n".join(
        line for line in lines if not line.startswith(" ") or line.lstrip()[:6] != "# from"
    )
    return text + "\n", [constants[index] for index in order]


def _legible(module: IRModule) -> IRModule:
    """`module` with other names for variables that TVM would print as no name of Python or one of the script."""
    from tvm import ir
    from tvm_ffi import structural_map

    renamed: dict[int, Any] = {}

    def legible(var: Any, dims: bool) -> Any:
        if isinstance(var.ty, ir.PrimType) is not dims or not _illegible(var.name):
            return var
        if hash(var) not in renamed:
            renamed[hash(var)] = (type(var)(f"v_{var.name}", var.ty, var.span), var)
        return renamed[hash(var)][0]

    # Dimensions first: they stand in the types of the others.
    for dims in (True, False):
        module = structural_map(module, (ir.Var, partial(legible, dims=dims)))
    return module


def _illegible(name: str) -> bool:
    return keyword.iskeyword(name) or name[:1].isdecimal() or name in ("TypeVar", "metadata")


def _in_text(constant: Any) -> bool:
    """Whether the script shows the constant as a number that reads back to the same bits."""
    if constant.value.shape or str(constant.value.dtype) not in (
        "bool",
        "int32",
        "int64",
        "float32",
    ):
        return False
    return abs(float(constant.value.numpy())) < 1e30


def _metadata_order(script: str) -> list[int]:
    """Which stand-in each index of `metadata["ir.GenericConst"]` is, from a script printed with metadata."""
    from tvm import ir

    from byoc.partition.constants import number

    call = ast.parse(script).body[0].value  # type: ignore[attr-defined]
    metadata = ir.load_json(call.args[0].value)
    return [number(each) for each in metadata["ir.GenericConst"]]


def _write_constants(path: Path, constants: Sequence[Any]) -> None:
    """Each constant as bytes; dtypes that safetensors does not know are told by the header's metadata."""
    from safetensors.numpy import save_file

    arrays = {str(index): _bytes(each.value) for index, each in enumerate(constants)}
    types = [[str(each.value.dtype), [int(d) for d in each.value.shape]] for each in constants]
    save_file(arrays, path, metadata={"types": json.dumps(types)})


def _bytes(tensor: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8)


def _read_constants(path: Path) -> list[Any]:
    import tvm
    from safetensors import safe_open
    from tvm import relax

    constants = []
    with safe_open(path, framework="numpy") as file:
        types = json.loads(file.metadata()["types"])
        for index, (dtype, shape) in enumerate(types):
            tensor = tvm.runtime.empty(shape, dtype)
            if 0 not in shape:
                tensor.copyfrom(
                    file.get_tensor(str(index)).view(_numpy_dtype(tensor)).reshape(shape)
                )
            constants.append(relax.const(tensor))
    return constants


def _numpy_dtype(tensor: Any) -> Any:
    return tensor.numpy().dtype


def _read_plan(folder: Path) -> dict[str, Any]:
    try:
        stored = json.loads((folder / PLAN).read_text("utf-8"))
    except FileNotFoundError:
        raise PlanError(
            f"{folder}: no {PLAN}; expected a folder that `byoc partition -o` wrote"
        ) from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        raise PlanError(
            f"{folder / PLAN}: not readable as JSON ({words}); write the partition again"
        ) from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        given = stored.get("format") if isinstance(stored, dict) else None
        raise PlanError(
            f"{folder / PLAN}: format {given!r}, expected {FORMAT}; write it again with this version of byoc"
        )
    return stored


def plan_from_json(stored: Mapping[str, Any]) -> Plan:
    """The Plan in `stored`, its fields as JSON has them: lists are tuples again."""
    segments = tuple(
        SegmentPlan(
            **{
                **_tuples(each),
                "inputs": tuple(TensorInfo(**_tuples(t)) for t in each["inputs"]),
                "outputs": tuple(TensorInfo(**_tuples(t)) for t in each["outputs"]),
            }
        )
        for each in stored["segments"]
    )
    ops = tuple(
        OpPlan(
            **{**_tuples(each), "refusals": tuple(Refusal(**_tuples(r)) for r in each["refusals"])}
        )
        for each in stored["ops"]
    )
    return Plan(
        byoc=stored["byoc"],
        model=stored["model"],
        vendors=tuple(stored["vendors"]),
        options=stored["options"],
        segments=segments,
        ops=ops,
        notes=tuple(stored["notes"]),
        verified=stored["verified"],
    )


def _tuples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def _digest(folder: Path, name: str) -> str:
    try:
        with (folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PlanError(
            f"{folder / name}: cannot be read ({error.strerror}); write the partition again"
        ) from error


@contextmanager
def new_folder(path: Path, what: str) -> Iterator[Path]:
    """A new folder for `what` beside `path` that takes its place when all went well and is removed when not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise UsageError(
            f"cannot write {what} to {path}: {error.strerror}; name a folder that can be made"
        ) from error
    try:
        yield folder
        folder.chmod(0o777 & ~_umask())
        if path.exists():
            shutil.rmtree(path)
        folder.rename(path)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(
            f"cannot write {what} to {path}: {error.strerror or error}; name a folder that can be written"
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
