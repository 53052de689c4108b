from pathlib import Path
from typing import Any

import pytest

from byoc.support import Facts, Refusal, Tensor

from .build import bound, constant, conv2d, relu, tensor


def refusal(folder: Path, row: str, facts: Facts, **extra: Any) -> Refusal | None:
    table = bound(folder, f"ops:\n  {facts.op}: {{{row}}}\n", **extra)
    found = table.ops[facts.op][0].test(facts)
    if found is not None:
        assert (found.rule, found.vendor) == ("support.yaml:4", "npu")
    return found


def words(folder: Path, row: str, facts: Facts) -> tuple[str, str] | None:
    found = refusal(folder, row, facts)
    return None if found is None else (found.code, found.message)


CONCAT = Facts(
    "concat",
    {"tensors": (tensor(1, 16), tensor(1, 8))},
    (tensor(1, 24),),
    {"axis": 1},
)
TAKE = Facts(
    "take",
    {"x": tensor(10, 4), "indices": tensor(3, dtype="int64")},
    (tensor(3, 4),),
    {"axis": 0},
)
BOTH = 'dtypes: [float32, "(int8, int8) -> int8"]'


@pytest.mark.parametrize(
    ("row", "facts", "expected"),
    [
        ("dtypes: [float32]", relu(1, 2), None),
        (
            "dtypes: [float32]",
            relu(1, dtype="float16"),
            ("dtype", "x has dtype float16; npu takes float32"),
        ),
        (BOTH, conv2d(dtype="int8"), None),
        (
            BOTH,
            conv2d(dtype="float16"),
            ("dtype", "data has dtype float16; npu takes float32 or (int8, int8) -> int8"),
        ),
        (
            'dtypes: ["(int8, float32) -> int8"]',
            conv2d(dtype="int8"),
            (
                "dtype",
                "the dtypes are (int8, int8) -> int8; npu takes (int8, float32) -> int8",
            ),
        ),
        ('dtypes: ["(int8, *) -> *"]', conv2d(dtype="int8"), None),
        (
            "dtypes: [float32]",
            TAKE,
            ("dtype", "indices has dtype int64; npu takes float32"),
        ),
        ("dtypes: [float32], inputs: {indices: {dtypes: [int32, int64]}}", TAKE, None),
        (
            "dtypes: [float32], inputs: {indices: {dtypes: [int32]}}",
            TAKE,
            ("dtype", "indices has dtype int64; npu takes int32"),
        ),
        ("rank: 4", relu(1, 2, 3, 4), None),
        ("rank: 4", relu(), None),
        ("rank: 4", relu(1, 2, 3), ("rank", "x has rank 3; npu takes 4")),
        ("rank: [2, 4]", relu(1, 2, 3), ("rank", "x has rank 3; npu takes 2 or 4")),
        ("rank: {max: 2}", relu(1, 2, 3), ("rank", "x has rank 3; npu takes at most 2")),
        ("rank: {min: 2, max: 3}", relu(1), ("rank", "x has rank 1; npu takes 2 to 3")),
        ("rank: 2, inputs: {x: {rank: 3}}", relu(1, 2), ("rank", "x has rank 2; npu takes 3")),
        ("inputs: {data: {layout: NCHW}}", conv2d(), None),
        (
            "inputs: {data: {layout: [NHWC, NCHW16c]}}",
            conv2d(),
            ("layout", "data has layout NCHW; npu takes NHWC or NCHW16c"),
        ),
        (
            "inputs: {x: {layout: NCHW}}",
            relu(1),
            ("layout", "x has no stated layout; npu takes NCHW"),
        ),
        ('inputs: {x: {shape: [1, "%16", "1..8", "*"]}}', relu(1, 32, 8, 99), None),
        (
            'inputs: {x: {shape: [1, "%16"]}}',
            relu(1, 24),
            ("shape", "x.shape[1] is 24; npu takes a multiple of 16"),
        ),
        (
            'inputs: {x: {shape: [1, "1..8"]}}',
            relu(1, 9),
            ("shape", "x.shape[1] is 9; npu takes 1 to 8"),
        ),
        (
            'inputs: {x: {shape: [1, "*"]}}',
            relu(1, 2, 3),
            ("rank", "x has 3 dimensions; npu takes [1, any extent]"),
        ),
        ('inputs: {x: {shape: ["...", "%8"]}}', relu(5, 6, 16), None),
        ('inputs: {x: {shape: [2, "...", 3]}}', relu(2, 3), None),
        (
            'inputs: {x: {shape: ["...", "%8"]}}',
            relu(5, 6, 12),
            ("shape", "x.shape[2] is 12; npu takes a multiple of 8"),
        ),
        (
            'inputs: {x: {shape: [2, "...", 3]}}',
            relu(2),
            ("rank", "x has 1 dimensions; npu takes [2, ..., 3]"),
        ),
        ('inputs: {x: {shape: ["?", "%4?"]}}', relu("n", None), None),
        (
            'inputs: {x: {shape: ["*", "*"]}}',
            relu("n", 3),
            ("dynamic", "x.shape[0] is not known (n)"),
        ),
        ('inputs: {x: {shape: ["*"]}}', relu(None), ("dynamic", "x.shape[0] is not known")),
        (
            "inputs: {x: {shape: [{min: 2, max: 4}]}}",
            relu(5),
            ("shape", "x.shape[0] is 5; npu takes 2 to 4"),
        ),
        ("inputs: {x: {shape: [{symbolic: true}]}}", relu("n"), None),
        ("inputs: {x: {bytes: {max: 1KiB}}}", relu(256), None),
        (
            "inputs: {x: {bytes: {max: 1KiB}}}",
            relu(257),
            ("shape", "x takes 1028 bytes; npu takes at most 1024"),
        ),
        (
            "inputs: {x: {bytes: {max: 1KiB}}}",
            relu("n"),
            ("dynamic", "x: its size is not known, because dimension n is not"),
        ),
        ("inputs: {weight: {constant: true}}", conv2d(), None),
        (
            "inputs: {weight: {constant: true}}",
            conv2d(is_constant=False),
            ("constant", "weight is not a constant; npu takes a constant"),
        ),
        (
            "inputs: {weight: {constant: false}}",
            conv2d(),
            ("constant", "weight is a constant; npu takes a value computed at run time"),
        ),
        ('inputs: {tensors: {each: {shape: ["*", "%8"]}}}', CONCAT, None),
        (
            'inputs: {tensors: {each: {shape: ["*", "%16"]}}}',
            CONCAT,
            ("shape", "tensors[1].shape[1] is 8; npu takes a multiple of 16"),
        ),
        ("attrs: {groups: 1}", conv2d(), None),
        ("attrs: {groups: 1}", conv2d(groups=2), ("attribute", "groups is 2; npu takes 1")),
        ("attrs: {groups: [1, 2]}", conv2d(groups=2), None),
        ("attrs: {strides: [[1, 1], [2, 2]]}", conv2d(strides=(2, 2)), None),
        (
            "attrs: {strides: [[1, 1], [2, 2]]}",
            conv2d(strides=(1, 2)),
            ("attribute", "strides is [1, 2]; npu takes [1, 1] or [2, 2]"),
        ),
        (
            "attrs: {strides: {each: [1, 2], len: 2}}",
            conv2d(strides=(3, 1)),
            ("attribute", "strides is [3, 1]; npu takes 2 elements and each 1 or 2"),
        ),
        (
            "attrs: {padding: {each: {min: 0, max: 3, multiple_of: 2}}}",
            conv2d(padding=(0, 0, 1, 1)),
            ("attribute", "padding is [0, 0, 1, 1]; npu takes each 0 to 3 and a multiple of 2"),
        ),
        (
            "attrs: {groups: {any: [1, 4], max: 3}}",
            conv2d(groups=4),
            ("attribute", "groups is 4; npu takes at most 3 and 1 or 4"),
        ),
        ("attrs: {groups: true}", conv2d(groups=1), ("attribute", "groups is 1; npu takes true")),
        ("attrs: {out_dtype: [null, float32]}", conv2d(out_dtype=None), None),
        ("attrs: {out_dtype: float32}", conv2d(), None),
        (
            "attrs: {groups: {max: 3, because: three groups fit}}",
            conv2d(groups=4),
            ("attribute", "three groups fit"),
        ),
        (
            "inputs: {weight: {constant: true, because: weights are preloaded}}",
            conv2d(is_constant=False),
            ("constant", "weights are preloaded"),
        ),
        (
            "inputs: {indices: {rank: 4}}",
            Facts("take", {"x": tensor(1), "indices": None}, ()),
            None,
        ),
    ],
)
def test_one_demand(
    tmp_path: Path, row: str, facts: Facts, expected: tuple[str, str] | None
) -> None:
    assert words(tmp_path, row, facts) == expected


def test_unknown_ranks_are_dynamic(tmp_path: Path) -> None:
    x = Tensor("float32", None)
    facts = Facts("nn.relu", {"x": x}, (x,))
    for row in ("rank: 4", "inputs: {x: {rank: 4}}", "inputs: {x: {shape: [1]}}"):
        found = refusal(tmp_path, row, facts)
        assert found is not None
        assert found.code == "dynamic"


def test_constants_and_outputs_may_not_exceed_the_largest_rank(tmp_path: Path) -> None:
    image, bias = tensor(1, 2, 3, 4), constant([1.0, 2.0])
    add = Facts("add", {"x1": image, "x2": bias}, (image,))
    assert words(tmp_path, "rank: 4", add) is None
    large = Facts("add", {"x1": image, "x2": constant([[[[[1.0]]]]])}, (tensor(1, 1, 2, 3, 4),))
    assert words(tmp_path, "rank: 4", large) == ("rank", "x2 has rank 5; npu takes 4")
    expand = Facts("expand_dims", {"x": image}, (tensor(1, 1, 2, 3, 4),), {"axis": (0,)})
    assert words(tmp_path, "rank: {max: 4}", expand) == (
        "rank",
        "output has rank 5; npu takes at most 4",
    )


def test_tests_go_from_cheap_to_dear(tmp_path: Path) -> None:
    table = bound(
        tmp_path,
        "ops:\n  nn.conv2d:\n    when: [groups == 1]\n    attrs: {groups: 1}\n"
        "    inputs: {weight: {constant: true, shape: [1, 1, 1, 1], rank: 4, dtypes: [int8]},"
        " data: {layout: NHWC}}\n    rank: 2\n    dtypes: [int8]\n",
    )
    kinds = [each.kind for each in table.ops["nn.conv2d"][0].constraints]
    assert kinds == [
        *("dtype", "dtype", "rank", "rank", "layout", "shape", "constant", "attribute", "when")
    ]


def test_inside_a_pattern_dtypes_are_not_held(tmp_path: Path) -> None:
    row = bound(tmp_path, "ops: {nn.relu: {dtypes: [int8], rank: 1}}").ops["nn.relu"][0]
    assert row.test(relu(3)) is not None
    assert row.test(relu(3), fused=True) is None
    assert row.test(relu(3, 3), fused=True) is not None


@pytest.mark.parametrize(
    ("rule", "taken", "refused"),
    [
        ("-1", 3, 1),
        ("[-1]", 3, 2),
        ("[1, -1]", 1, 2),
        ("{any: [-1], because: rows only}", 3, 0),
        ("{min: -2}", 2, 1),
        ("{max: 1}", 1, 3),
    ],
)
def test_negative_axes_of_a_rule_count_from_the_end(
    tmp_path: Path, rule: str, taken: int, refused: int
) -> None:
    (row,) = bound(tmp_path, f"ops: {{nn.softmax: {{attrs: {{axis: {rule}}}}}}}\n").rows
    x = tensor(1, 8, 16, 16)
    assert row.test(Facts("nn.softmax", {"data": x}, (x,), {"axis": taken})) is None
    refusal = row.test(Facts("nn.softmax", {"data": x}, (x,), {"axis": refused}))
    assert refusal is not None
    assert refusal.code == "attribute"


def test_negative_axes_in_lists_and_of_ops_that_add_dimensions(tmp_path: Path) -> None:
    table = (
        "ops: {nn.layer_norm: {attrs: {axes: [[-1]]}}, expand_dims: {attrs: {axis: {each: -1}}}}\n"
    )
    norm, expand = bound(tmp_path, table).rows
    x = tensor(2, 3, 4)
    assert norm.test(Facts("nn.layer_norm", {"data": x}, (x,), {"axes": (2,)})) is None
    wider = Facts("expand_dims", {"x": x}, (tensor(2, 3, 4, 1),), {"axis": (3,)})
    assert expand.test(wider) is None
    assert expand.test(Facts("expand_dims", {"x": x}, (tensor(2, 3, 1, 4),), {"axis": (2,)}))


def test_a_negative_axis_is_compared_as_written_when_the_rank_is_unknown(tmp_path: Path) -> None:
    (row,) = bound(tmp_path, "ops: {nn.softmax: {attrs: {axis: -1}}}\n").rows
    x = Tensor("float32", None)
    assert row.test(Facts("nn.softmax", {"data": x}, (x,), {"axis": -1})) is None
