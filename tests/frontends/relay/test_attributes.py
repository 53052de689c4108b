"""What Relay's printer writes for attributes becomes values of the kinds that operators declare."""

from typing import Any

import pytest

from byoc.frontends.relay.attributes import settled
from byoc.frontends.relay.operation import Misfit
from byoc.frontends.relay.ops import OPERATORS


@pytest.mark.parametrize(
    ("operator", "written", "wanted"),
    [
        ("nn.conv2d", {"out_dtype": "void"}, {"out_dtype": ""}),
        (
            "nn.conv2d",
            {"out_dtype": None, "kernel_size": None},
            {"out_dtype": "", "kernel_size": None},
        ),
        ("nn.conv2d", {"padding": 1, "strides": (2,)}, {"padding": (1,), "strides": (2,)}),
        ("cumsum", {"exclusive": 1, "axis": 0}, {"exclusive": True, "axis": 0}),
        ("argsort", {"is_ascend": 0}, {"is_ascend": False}),
        ("sum", {"axis": ()}, {"axis": ()}),
        ("sum", {"axis": 2}, {"axis": 2}),
        ("strided_slice", {"strides": None, "axes": None}, {"strides": (), "axes": None}),
        ("nn.leaky_relu", {"alpha": 1}, {"alpha": 1.0}),
        ("nn.upsampling", {"scale_h": 2}, {"scale_h": 2.0, "scale_w": 1.0}),
        ("split", {"indices_or_sections": (1, 3)}, {"indices_or_sections": (1, 3)}),
        ("nn.adaptive_avg_pool2d", {"output_size": (7, None)}, {"output_size": (7, None)}),
        ("nn.pad", {"pad_width": ((0, 1), (2, 0))}, {"pad_width": ((0, 1), (2, 0))}),
        ("image.resize2d", {"roi": (0.0, 0.5, 1, 1)}, {"roi": (0.0, 0.5, 1, 1)}),
    ],
)
def test_spellings(operator: str, written: dict[str, Any], wanted: dict[str, Any]) -> None:
    defaults = OPERATORS[operator].defaults
    found = settled(defaults, written)
    assert found == {**defaults, **wanted}
    for name, value in wanted.items():
        assert type(found[name]) is type(value), name


@pytest.mark.parametrize(
    ("operator", "written"),
    [
        ("nn.conv2d", {"padding": (1.5,)}),
        ("nn.conv2d", {"padding": (None,)}),
        ("nn.conv2d", {"out_dtype": "float33"}),
        ("nn.conv2d", {"groups": True}),
        ("nn.conv2d", {"groups": 2**63}),
        ("sum", {"keepdims": 2}),
        ("sum", {"axis": "all"}),
        ("nn.pad", {"pad_width": (1, 1)}),
        ("nn.pad", {"pad_mode": 3}),
    ],
)
def test_values_of_another_kind(operator: str, written: dict[str, Any]) -> None:
    (name,) = written
    with pytest.raises(Misfit, match=f"its attribute {name} is "):
        settled(OPERATORS[operator].defaults, written)


def test_every_default_is_of_its_own_kind() -> None:
    for row in OPERATORS.values():
        assert settled(row.defaults, row.defaults) == dict(row.defaults), row.name
