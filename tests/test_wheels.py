"""What byoc relies on in the pinned wheels: a later version that breaks it should fail here first."""

import subprocess
import sys

SAVE_AND_LOAD = """
import tvm_ffi
from tvm import ir, relax, te, topi

builder = relax.BlockBuilder()
x = relax.Var("x", relax.TensorType((4, 4), "float32"))
with builder.function("main", [x]):
    with builder.dataflow():
        result = builder.emit_output(builder.emit_te(topi.exp, x))
    builder.emit_func_output(result)
module = builder.get()
assert any("PrimFunc" in type(each).__name__ for each in module.functions.values())
assert tvm_ffi.structural_equal(ir.load_json(ir.save_json(module)), module)
print("saved and loaded")
"""


def test_a_module_with_kernels_is_saved_and_loaded() -> None:
    # tvm-ffi 0.1.15 segfaults here, which is why setup.cfg pins the version before.
    done = subprocess.run(
        [sys.executable, "-c", SAVE_AND_LOAD], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "saved and loaded" in done.stdout
