import numpy as np
import pytest
from tvm import relax, tirx

from byoc.blob import Blob
from byoc.errors import ModelError, UsageError
from byoc.frontends import import_model
from byoc.host import HostOptions, build_host
from byoc.pipeline import partition_for
from tests.frontends.models import add_weight, parse
from tests.host.running import Chip, Codegen, agrees, built, functions, run
from tests.partition.build import script, weight

DATA = weight(2, 3, 8, 8)
KERNEL = weight(4, 3, 3, 3, seed=1)


def convolutions():
    return script(
        "a = nn.conv2d(x, k, padding=(1, 1)); b = nn.relu(a); c = add(b, 2.0); d = nn.max_pool2d(c); "
        "e = tanh(d) -> e, b",
        x=(2, 3, 8, 8),
        k=KERNEL,
    )


def test_everything_left_on_the_host_is_one_call_of_the_library():
    build = built(convolutions())
    assert agrees(convolutions(), [DATA], build) == ["host_0"]
    (entry,) = build.segments
    assert (entry.vendor, entry.host, entry.convention) == ("onnxruntime", True, "dps")
    assert build.library.startswith("onnxruntime 1.")


def test_segments_of_a_vendor_and_of_the_library_alternate():
    build = built(convolutions(), ["tanh", "nn.relu"])
    assert agrees(convolutions(), [DATA], build) == ["host_0", "chip_0", "host_1", "chip_1"]
    assert [each.host for each in build.segments] == [False, False, True, True]


def test_without_the_library_tvm_has_the_rest():
    build = built(convolutions(), ["tanh"], library="tvm")
    assert agrees(convolutions(), [DATA], build) == ["chip_0"]
    assert build.library == "tvm"


def test_light_ops_alone_are_no_call_of_the_library():
    source = script("a = add(x, 1.0); b = tanh(a) -> b", x=(4, 4))
    build = built(source)
    assert build.segments == ()
    assert agrees(source, [weight(4, 4)], build) == []


def test_arithmetic_of_shapes_is_no_call_of_the_library():
    source = script("a = prod(x); b = multiply(a, a) -> b", x=((3,), "int64"))
    assert built(source).segments == ()
    assert len(built(script("a = prod(x) -> a", x=((3000,), "int64"))).segments) == 1


def test_symbolic_shapes_stay_with_their_outputs():
    source = script(
        "a = nn.softmax(x); b = tanh(a); c = concat((b, x), axis=0) -> c, a", x=("n", 4)
    )
    build = built(source, ["tanh"])
    assert build.inputs[0].shape == ("n", 4)
    assert all(each.convention == "dps" for each in build.segments)
    for rows in (5, 1, 0):
        agrees(source, [weight(rows, 4)], build)


def test_shapes_that_no_tensor_tells_are_given_as_tensors():
    n, m = tirx.Var("n", "int64"), tirx.Var("m", "int64")
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType([n, 4], "float32"))
    y = relax.Var("y", relax.TensorType([m, 4], "float32"))
    with builder.function("main", [x, y]):
        with builder.dataflow():
            both = builder.emit(relax.op.tanh(builder.emit(relax.op.concat([x, y], axis=0))))
            square = builder.emit(relax.op.reshape(both, (n + m, 2, 2)))
            result = builder.emit_output(builder.emit(relax.op.nn.softmax(square)))
        builder.emit_func_output(result)
    source = builder.finalize()
    build = built(source, ["tanh", "concat"])
    (library,) = [each for each in build.segments if each.host]
    agrees(source, [weight(2, 4), weight(3, 4)], build)
    assert library.outputs[0].shape is not None


def test_shapes_that_only_running_tells_are_returned():
    model = import_model(
        parse(
            "agraph (float[n] x) => (float[m] y) { i = NonZero(x) j = Squeeze(i) g = Gather(x, j) y = Softmax(g) }"
        )
    )
    build = built(model)
    assert "returns" in {each.convention for each in build.segments}
    for values in ([1, 0, 2, 0], [0, 3, 4, 5]):
        agrees(model, [np.asarray(values, "float32")], build)


def test_nodes_that_tvm_has_nothing_for_are_the_librarys_even_without_it():
    model = import_model(
        parse("agraph (float[3, 3] x) => (float[3, 3] y) { a = Det(x) y = Add(x, a) }")
    )
    for library in ("onnxruntime", "tvm"):
        build = built(model, library=library)
        assert [each.vendor for each in build.segments] == ["onnxruntime"]
        assert agrees(model, [weight(3, 3)], build) == ["host_0"]


def test_nodes_that_onnxruntime_cannot_run_are_evaluated():
    model = import_model(
        parse(
            "agraph (float[3, 3] x) => (float[3, 3] y) { a = Det(x) b = Add(x, a) y = Softmax(b) }"
        )
    )
    build = built(model, codegen=Codegen(frozenset({"onnx.Det"})))
    assert {each.name: each.vendor for each in build.segments} == {
        "host_0": "onnxruntime",
        "onnx_0": "onnx",
    }
    assert agrees(model, [weight(3, 3)], build) == ["onnx_0", "host_0"]
    assert build.notes == (
        "onnxruntime could not compile node 'a' for the host: there is an op that it cannot",
    )
    assert build.blobs["onnx_0"] == Blob(model.host_nodes["byoc.host.0"])


def test_nodes_that_nobody_on_the_host_can_run_are_named():
    model = import_model(
        parse("agraph (float[4] x) => (float[4] y) { y = acme.npu.Frob(x) }", domains="acme.npu")
    )
    with pytest.raises(ModelError, match=r"neither in onnxruntime nor in onnx's reference.*Frob"):
        built(model)


def test_what_codegen_fails_on_is_found_and_left_to_tvm():
    source = convolutions()
    codegen = Codegen(frozenset({"nn.relu"}))
    build = built(source, codegen=codegen)
    agrees(source, [DATA], build)
    assert [each.host for each in build.segments] == [True, True]
    covered = {op for each in build.segments for op in each.nodes}
    assert covered == {"a", "c", "d", "e"}


def test_a_branch_has_segments_of_its_own():
    model = import_model(_branching())
    build = built(model, ["tanh"])
    for flag in (True, False):
        agrees(model, [np.asarray(flag), weight(4, 4)], build)
        agrees(model, [np.asarray(flag), weight(4, 4)], built(model))


@pytest.mark.parametrize("failing", [(), ("chip_0",), ("chip_0", "chip_1")])
def test_a_failing_segment_is_computed_by_its_host_version(failing):
    build = built(convolutions(), ["tanh", "nn.relu"], fallback=True)
    called = agrees(convolutions(), [DATA], build, failing=failing)
    assert not set(called) & set(failing)
    assert [each.fallback for each in build.segments if not each.host] == [True, True]


def test_fallbacks_work_in_branches_and_with_symbolic_shapes():
    model = import_model(_branching("n"))
    build = built(model, ["tanh", "nn.softmax"], fallback=True)
    vendors = [each.name for each in build.segments if not each.host]
    assert vendors
    for failing in ((), vendors):
        for flag in (True, False):
            agrees(model, [np.asarray(flag), weight(3, 4)], build, failing=failing)


def test_a_fallback_of_several_outputs():
    source = script(
        "a = split(x, 2, axis=1); b = tanh(a[0]); c = tanh(a[1]); d = add(b, c) -> b, c, d",
        x=("n", 4),
    )
    build = built(source, ["tanh", "split"], fallback=True)
    for failing in ((), ("chip_0",)):
        agrees(source, [weight(3, 4)], build, failing=failing)


def test_constants_of_segments_are_not_in_the_host_code():
    marker = np.full((64, 64), 1.234567, "float32")
    source = script("a = matmul(x, w); b = tanh(a); c = matmul(b, w) -> c", x=(4, 64), w=marker)
    build = built(source, ["tanh"])
    pool = build.executable.stats()
    assert "1.23" not in pool
    assert "(64, 64)" not in pool
    assert "shapetuple" in pool


def test_results_of_no_elements_and_of_the_inputs_themselves():
    source = script("a = nn.relu(x); b = nn.softmax(a) -> b, x", x=(0, 4))
    agrees(source, [weight(0, 4)], built(source))


def test_tuples_that_only_segments_read():
    source = script(
        "a = split(x, 2, axis=1); b = tanh(a[0]); t = (b, a[1]); c = concat(t, axis=1); d = nn.softmax(c) -> d, b",
        x=(4, 4),
    )
    agrees(source, [weight(4, 4)], built(source, ["concat"]))
    agrees(source, [weight(4, 4)], built(source, ["split"]))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("cuda", "kind 'cuda'"),
        ("llvm -mcpu=x", "no longer supported"),
        ("frob", '"frob" is not defined'),
    ],
)
def test_targets_that_are_no_cpu_are_refused(target, words):
    with pytest.raises(UsageError, match=words):
        built(convolutions(), target=target)


def test_the_target_of_this_machine():
    source = convolutions()
    build = built(source, library="tvm", target="native")
    assert '"mcpu"' in build.target
    agrees(source, [DATA], build)


def test_a_missing_library_is_named(monkeypatch):
    import byoc.vendors.onnxruntime as plugin

    monkeypatch.setattr(plugin, "_installed", lambda: "")
    with pytest.raises(UsageError, match=r"pip install 'byoc\[onnxruntime\]'.*--host tvm"):
        built(convolutions())


def test_the_same_partition_gives_the_same_code():
    texts = [built(convolutions(), ["tanh"]).executable.as_text() for _ in range(2)]
    assert texts[0] == texts[1]


def test_a_build_without_codegen_is_for_tvm_alone():
    partition = partition_for(convolutions(), [Chip(())])
    build = build_host(partition, (), None, HostOptions(library="tvm"))
    with functions(build) as called:
        run(build, [DATA])
    assert called == []


def _branching(rows=4):
    model = parse(
        f"""agraph (bool flag, float[{rows}, 4] x) => (float[{rows}, 4] y) {{
              a = Softmax(x)
              b = If (flag) <
                then_branch = g1 () => (float[{rows}, 4] t) {{ c = Tanh(a) t = MatMul(c, w) }},
                else_branch = g2 () => (float[{rows}, 4] e) {{ d = Exp(a) e = Softmax(d) }}
              >
              y = Add(b, a)
            }}"""
    )
    return add_weight(model, "w", weight(4, 4))
