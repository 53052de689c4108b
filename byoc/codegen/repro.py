"""Repro: run a kept bundle again, and say whether the segment compiles, runs and computes what it should."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from byoc.codegen.bundle import dtype_of, read_about, read_expected, read_segment
from byoc.codegen.keep import INPUTS, write_arrays
from byoc.errors import ByocError, UsageError
from byoc.isolation import last_words
from byoc.options import Observer
from byoc.spec import value_text
from byoc.support.refusal import Refusal

if TYPE_CHECKING:
    from byoc.codegen.bundle import Array
    from byoc.codegen.service import Codegen
    from byoc.runtime.compare import OutputError
    from byoc.spec import VendorSpec

OUTPUTS = "outputs.npz"
RUN = (
    "import json, sys; job = json.loads(sys.stdin.readline()); sys.path[:] = job['path']; "
    "from byoc.codegen.repro import execute; execute(**job['given'])"
)


@dataclass(frozen=True, slots=True)
class Repro:
    """What became of a bundle.

    `state` is "compiled-not" (the vendor refuses or fails, as `words` say), "failed" (it compiles, and opening or
    running it fails) or "ran". `outputs` has the error of each output against `expected.npz`, () when there is
    none. `seconds` is the wall time of codegen, `log` what the compiler printed.
    """

    segment: str
    vendor: str
    state: Literal["compiled-not", "failed", "ran"]
    words: str = ""
    outputs: tuple[OutputError, ...] = ()
    seconds: float = 0.0
    log: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def ok(self, snr_db: float = 30.0) -> bool:
        """Whether it ran, and every output is within `snr_db` decibels of what is expected."""
        return self.state == "ran" and all(
            not each.words and each.snr_db >= snr_db for each in self.outputs
        )


def run_repro(
    folder: Path | str,
    *,
    options: Mapping[str, str] | None = None,
    timeout: float = 600.0,
    memory: int | None = None,
    observer: Observer | None = None,
) -> Repro:
    """Compile the bundle in `folder` with its vendor and run it, each in a process of its own, and compare.

    `options` are texts of vendor options, in place of those in the bundle; secret ones are not in it. Raises
    PlanError for a folder that is no bundle, or one that is not whole or was altered, UsageError and PluginError
    when the vendor cannot be used.
    """
    from byoc.codegen.service import Codegen
    from byoc.plugins import Plugins

    folder = Path(folder)
    about = read_about(folder)
    stored, segment = read_segment(folder, about)
    expected = read_expected(folder, about)
    vendor = about["vendor"]
    texts = {
        **{key: value_text(value) for key, value in about["options"].items()},
        **(options or {}),
    }
    codegen = Codegen(
        Plugins.discover(),
        {vendor: texts},
        timeout=timeout,
        memory=memory,
        observer=observer or Observer(),
    )
    with codegen:
        (outcome,) = codegen.run([segment])
        told = {
            "segment": about["segment"],
            "vendor": vendor,
            "seconds": outcome.seconds,
            "log": outcome.log,
            "about": about,
        }
        if isinstance(outcome.answer, Refusal):
            return Repro(state="compiled-not", words=outcome.answer.message, **told)
        if expected is None:
            return Repro(state="ran", words="the bundle has no inputs: it compiles", **told)
        with tempfile.TemporaryDirectory(prefix="byoc-repro-") as scratch:
            _link(stored, codegen, Path(scratch))
            late = late_texts(codegen.chain(vendor).spec, options or {})
            words = _run(Path(scratch), folder, {vendor: late}, timeout)
            if words:
                return Repro(state="failed", words=words, **told)
            return Repro(state="ran", outputs=_errors(Path(scratch), expected, about), **told)


def execute(artefact: str, inputs: str, outputs: str, options: Mapping[str, Any]) -> None:
    """In the process of its own: load the artefact, run it once, write what it gives; say why not and exit."""
    try:
        _execute(artefact, inputs, outputs, options)
    except ByocError as error:
        sys.exit(str(error))
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _execute(artefact: str, inputs: str, outputs: str, options: Mapping[str, Any]) -> None:
    import numpy as np

    from byoc.runtime.loading import load

    with load(artefact, vendor_options=options) as model, np.load(inputs) as given:
        arrays = {
            port.name: given[name].view(dtype_of(port.dtype))
            for port, name in zip(model.inputs, given.files, strict=True)
        }
        write_arrays(Path(outputs), model.run(arrays))


def late_texts(spec: VendorSpec, texts: Mapping[str, str]) -> dict[str, str]:
    """Those of the option texts that are asked for when an artefact is loaded."""
    properties: Mapping[str, Any] = spec.options.get("properties", {})
    return {
        key: text
        for key, text in texts.items()
        if properties.get(key, {}).get("x-byoc-time") == "load"
    }


def _link(stored: Any, codegen: Codegen, scratch: Path) -> None:
    from byoc.codegen.confirm import Confirm
    from byoc.compile import link_partition
    from byoc.host import HostOptions, build_host
    from byoc.pipeline import PartitionOptions, partition_for

    confirm = Confirm(codegen)
    partition = partition_for(stored, [], PartitionOptions(verify=False), confirm=confirm)
    if len(confirm.compiled) != 1:
        raise UsageError(f"segment {partition.plan.model} cannot be called by host code by itself")
    host = build_host(partition, confirm.compiled, codegen, HostOptions("tvm"))
    link_partition(partition, host, scratch / "segment.so")


def _run(
    scratch: Path, folder: Path, options: Mapping[str, Mapping[str, str]], timeout: float
) -> str:
    """Run the artefact in a process of its own; why it failed, "" when it did not."""
    given = {
        "artefact": str(scratch / "segment.so"),
        "inputs": str((folder / INPUTS).resolve()),
        "outputs": str(scratch / OUTPUTS),
        "options": {vendor: dict(texts) for vendor, texts in options.items()},
    }
    log = scratch / "log"
    with log.open("wb") as printed:
        try:
            done = subprocess.run(
                [sys.executable, "-c", RUN],
                input=json.dumps({"path": sys.path, "given": given}).encode() + b"\n",
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {timeout:g} s{last_words(log)}"
    if done.returncode == 0:
        return ""
    return f"running it ended with exit code {done.returncode}{last_words(log)}"


def _errors(
    scratch: Path, expected: Mapping[str, Array], about: Mapping[str, Any]
) -> tuple[OutputError, ...]:
    import numpy as np

    from byoc.runtime.compare import tensor_error

    with np.load(scratch / OUTPUTS) as got:
        return tuple(
            tensor_error(
                port["name"],
                got[name].view(dtype_of(port["dtype"])),
                expected[port["name"]],
            )
            for port, name in zip(about["outputs"], got.files, strict=True)
        )
