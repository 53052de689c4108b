"""Worker: the process in which one vendor compiles one segment.

It is started before there is anything to compile, so that imports are done by then, and told over standard input:
a line of JSON to set up, another one for the job. What it finds out it leaves as the file `answer` of the job's
folder: a line of JSON, and behind it the packed blob if there is one. A process that ends without it has failed.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SEGMENT, READY, ANSWER, LOG = "segment.pickle", "ready", "answer", "log"
START = (
    "import json, sys; setup = json.loads(sys.stdin.readline()); sys.path[:] = setup['path']; "
    "from byoc.codegen.worker import serve; serve(setup)"
)
"""What the process runs. Options may be secret: they come by standard input, never on the command line."""

_PR_SET_PDEATHSIG = 1


def serve(setup: Mapping[str, Any]) -> None:
    """Prepare for `vendor`, wait for one job, do it, and end without running anything at exit."""
    _die_with_parent()
    own = os.getpid()
    problem, tools = None, None
    try:
        tools = _Tools(setup["vendor"], setup["options"])
    except BaseException as error:  # vendor code may raise anything, SystemExit included
        problem = _problem(error)
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    job = json.loads(line)
    Path(job["folder"], READY).touch()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    folder = Path(job["folder"])
    head, body = (problem, ()) if problem is not None else _answer(tools, folder, job["memory"])
    sys.stdout.flush()
    sys.stderr.flush()
    # A vendor that forks may let the child return as well: only one process answers.
    if os.getpid() == own:
        _leave(folder, head, body)
    os._exit(0)


class _Tools:
    """The vendor's plugin, loaded, and what byoc_codegen is given of it."""

    def __init__(self, vendor: str, texts: Mapping[str, str]) -> None:
        import byoc.segment  # noqa: F401  # TVM takes a second to import, and every segment needs it
        from byoc.codegen.toolchain import toolchain
        from byoc.plugins import Plugins

        self.plugins = Plugins.discover()
        self.chain = toolchain(self.plugins, vendor, texts)

    def ask(self, segment: Any) -> tuple[str, Any]:
        """The first answer, and whose it is; ("", None) when nobody compiles."""
        for owner in self.chain.owners:
            given = self.plugins.caller(owner, "byoc_codegen")(
                vendor=self.chain.vendor,
                segment=segment,
                spec=self.chain.spec,
                options=dict(self.chain.values),
            )
            if given is not None:
                return owner, given
        return "", None


def _answer(
    tools: _Tools | None, folder: Path, memory: int
) -> tuple[dict[str, Any], Iterable[bytes]]:
    """What the vendor makes of the segment in `folder`: the answer's line, and the bytes behind it."""
    from byoc.codegen.answer import checked
    from byoc.codegen.packed import pack
    from byoc.errors import BlobError
    from byoc.shelf import unpack
    from byoc.support.refusal import Refusal

    assert tools is not None
    try:
        # What is mapped counts as memory that it holds already.
        segment = unpack(pickle.loads((folder / SEGMENT).read_bytes()))
        _limit(memory)
        owner, given = tools.ask(segment)
        if given is None:
            return {"kind": "none"}, ()
        answer = checked(given, segment)
    except BlobError as error:
        return {"kind": "problem", "words": str(error), "nodes": [], "trace": ""}, ()
    except BaseException as error:  # vendor code may raise anything, SystemExit included
        return _problem(error), ()
    if isinstance(answer, Refusal):
        nodes, rule = list(answer.nodes), answer.rule
        return {"kind": "refusal", "words": answer.message, "nodes": nodes, "rule": rule}, ()
    return {"kind": "blob", "owner": owner}, pack(answer)


def _problem(error: BaseException) -> dict[str, Any]:
    from byoc.errors import ByocError

    own = isinstance(error, ByocError)
    words = str(error) if own else f"raised {type(error).__name__}: {error}"
    return {
        "kind": "problem",
        "words": words,
        "nodes": [str(node) for node in getattr(error, "nodes", ())],
        "trace": "".join(traceback.format_exception(error)),
    }


def _leave(folder: Path, head: Mapping[str, Any], body: Iterable[bytes]) -> None:
    started = folder / f"{ANSWER}.part"
    with started.open("wb") as file:
        file.write(json.dumps(dict(head)).encode() + b"\n")
        for chunk in body:
            file.write(chunk)
    started.replace(folder / ANSWER)


def _limit(memory: int) -> None:
    """Let this process have `memory` bytes of writable memory beyond what it has already."""
    if sys.platform != "linux":
        return
    status = Path("/proc/self/status").read_text("utf-8")
    held = next((line.split()[1] for line in status.splitlines() if "VmData" in line), "0")
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory + 1024 * int(held)
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def _die_with_parent() -> None:
    """Let Linux end this process when byoc is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
