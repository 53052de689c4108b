import pytest
from tvm import relax, tirx

from byoc.blob import Blob
from byoc.host import border_refusal
from byoc.host.border import arranged, is_callable, ports
from byoc.manifest import Port

N = tirx.Var("n", "int64")


def function(params, result):
    """A function of those parameters that calls a packed function for a result of that type."""
    builder = relax.BlockBuilder()
    with builder.function("main", params):
        made = builder.emit(relax.op.call_pure_packed("f", params[0], ty_args=result), "made")
        builder.emit_func_output(made)
    return builder.get()["main"]


def tensor(name, *shape, dtype="float32"):
    return relax.Var(name, relax.TensorType(shape, dtype))


def test_tensors_of_known_shapes_cross_the_border_of_a_vendor():
    given = function([tensor("x", N, 4)], relax.TensorType([N + 1, 4], "int8"))
    assert border_refusal(given) is None
    inputs, outputs = ports(given)
    assert inputs == (Port("x", "float32", ("n", 4)),)
    assert outputs == (Port("made", "int8", ("n + 1", 4)),)


@pytest.mark.parametrize(
    ("param", "result", "words"),
    [
        (
            relax.Var("s", relax.ShapeType([N])),
            relax.TensorType([4], "int8"),
            "'s', which is a shape",
        ),
        (
            relax.Var("t", relax.TupleType([relax.TensorType([4], "int8")])),
            relax.TensorType([4], "int8"),
            "'t', which is no tensor",
        ),
        (tensor("x", 4), relax.TensorType(dtype="int8", ndim=2), "do not follow"),
        (tensor("x", 4), relax.TensorType(dtype="int8", ndim=-1), "do not follow"),
    ],
)
def test_what_a_driver_cannot_be_given_is_refused(param, result, words):
    refusal = border_refusal(function([param], result))
    assert refusal is not None
    assert refusal.code == "dynamic"
    assert words in refusal.message


def test_the_library_takes_shapes_and_gives_what_only_running_tells():
    shape = relax.Var("s", relax.ShapeType(ndim=2))
    given = function([shape], relax.TensorType(dtype="int8", ndim=2))
    assert is_callable(given)
    assert ports(given) == (
        (Port("s", "int64", (2,)),),
        (Port("made", "int8", (None, None)),),
    )


def test_a_blob_says_how_its_driver_has_tensors():
    blob = Blob(b"", alignment=128, orders={"y": (0, 2, 1)})
    given = (Port("x", "int8", (1,)), Port("y", "int8", (1, 2, 3)))
    assert arranged(given, blob) == (
        Port("x", "int8", (1,), 128),
        Port("y", "int8", (1, 2, 3), 128, (0, 2, 1)),
    )
