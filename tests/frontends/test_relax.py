"""Relax modules as models."""

from __future__ import annotations

from tvm import relax
from tvm.script import ir as I  # noqa: N812
from tvm.script import relax as R  # noqa: N812

from byoc.frontends import from_module


@I.ir_module
class Plain:
    @R.function
    def main(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 3), "float32"):  # noqa: N805 (script)
        with R.dataflow():
            y = R.nn.relu(x)
            z = R.exp(y)
            R.output(z)
        return z


def test_bindings_are_their_own_origins():
    model = from_module(Plain, "plain")
    assert (model.name, model.origins["main"]) == ("plain", {"y": ("y",), "z": ("z",)})
    assert model.module["main"].same_as(Plain["main"])


def test_names_used_twice_are_numbered():
    x = relax.Var("x", relax.TensorType((2,), "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        with builder.dataflow():
            first = relax.DataflowVar("v", x.ty)
            second = relax.Var("v", x.ty)
            builder.emit_normalized(relax.VarBinding(first, builder.normalize(relax.op.nn.relu(x))))
            builder.emit_normalized(
                relax.VarBinding(second, builder.normalize(relax.op.exp(first)))
            )
        builder.emit_func_output(second)
    model = from_module(builder.get(), "twice")
    assert list(model.origins["main"]) == ["v", "v_1"]
    names = [each.var.name for each in model.module["main"].body.blocks[0].bindings]
    assert names == ["v", "v_1"]
    relax.analysis.well_formed(model.module)
