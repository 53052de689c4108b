"""Random Relay modules that need not make sense: any operator, of any arguments, with any attributes.

A module grows statement by statement; whoever draws says which statements stay. Its result is the tuple of all
values, so that nothing of it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from byoc.frontends.relay.ops import OPERATORS
from tests.frontends.relay.printer.metadata import Constants
from tests.frontends.relay.printer.text import attribute

TYPES = (
    "Tensor[(1, 4, 6, 6), float32]", "Tensor[(2, 3), float32]", "Tensor[(4), float32]",
    "Tensor[(2, 4, 8), float32]", "Tensor[(4, 4, 3, 3), float32]", "Tensor[(1, 4, 6, 6), int8]",
    "Tensor[(2, 3), int32]", "Tensor[(2), int64]", "Tensor[(2, 3), bool]", "Tensor[(3, ?), float32]", "float32",
    "bool", "Tensor[(0, 3), float32]", "(Tensor[(2, 3), float32], Tensor[(2, 3), float32])",
    "Tensor[(1, 2, 3, 4, 5), float32]", "Tensor[(2, 3), float16]", "Tensor[(2, 3), uint8]",
)  # fmt: skip
_SPELLED = """
float32 int8 int32 int64 bool uint8 float16 NCHW NHWC NCW NCDHW OIHW HWIO OIW IOHW HWOI constant reflect edge linear
nearest_neighbor cubic half_pixel floor clip wrap fast add update both values UPWARD TONEAREST None NCHW4c end size
nope
"""
_WORDS = ("", *_SPELLED.split())
_NUMBERS = (0, 1, 2, 3, 4, -1, -2, 6, 7, 100)


@dataclass
class Wild:
    """A module in the making; `arrays` are the constants that it may refer to."""

    rng: Random
    statements: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.params = self.rng.sample(TYPES, self.rng.randint(1, 5))
        self.names = [f"%p{index}" for index in range(len(self.params))]

    def text(self, more: str = "", result: str = "") -> str:
        """The module; `more` is one statement more, and `result` what it binds."""
        params = ", ".join(f"%p{index}: {each}" for index, each in enumerate(self.params))
        results = [*self.names, result] if result else self.names
        lines = [*self.statements, more] if more else self.statements
        body = "\n".join(f"  {each}" for each in [*lines, f"({', '.join(results)},)"])
        helper = "def @helper(%a: Tensor[(2, 3), float32]) { nn.relu(%a) }"
        return f'#[version = "0.0.5"]\ndef @main({params}) {{\n{body}\n}}\n\n{helper}\n{SECTION}'

    def statement(self) -> tuple[str, str]:
        """A new statement and the name that it binds."""
        name = f"%{self.count}" if self.rng.random() < 0.7 else f"%x{self.count}"
        let = "" if name[1].isdigit() else "let "
        self.count += 1
        return f"{let}{name} = {self._value()};", name

    def keep(self, statement: str, name: str) -> None:
        """Let a statement stay."""
        self.statements.append(statement)
        self.names.append(name)

    def _value(self) -> str:
        match self.rng.randrange(20):
            case 0:
                return f"({', '.join(self._operand() for _ in range(self.rng.randint(1, 3)))},)"
            case 1:
                return f"{self._operand()}.{self.rng.randrange(3)}"
            case 2:
                then, other = self._call(), self._call()
                return f"if ({self._operand()}) {{ {then} }} else {{ {other} }}"
            case 3:
                kind = self.rng.choice(['Composite="npu.f"', "Primitive=1"])
                ty = self.rng.choice(TYPES)
                inner = Wild(Random(self.rng.random()))
                inner.names = ["%a"]
                body = inner._call()
                return f"fn (%a: {ty}, {kind}) {{ {body} }}({self._operand()})"
            case 4:
                return f"@helper({self._operand()})"
        return self._call()

    def _call(self) -> str:
        rng = self.rng
        name = rng.choice(_NAMES)
        row = OPERATORS[name]
        low, high = row.arguments
        count = rng.randint(low, high) if rng.random() < 0.95 else rng.randrange(5)
        args = [self._operand(tuples=name in _OF_TUPLES) for _ in range(count)]
        for each, default in row.defaults.items():
            if rng.random() < (0.7 if default in (None, ()) else 0.25):
                args.append(f"{each}={attribute(self._attribute(default))}")
        return f"{name}({', '.join(args)})"

    def _operand(self, tuples: bool = False) -> str:
        rng = self.rng
        if tuples and rng.random() < 0.8:
            return f"({', '.join(self._operand() for _ in range(rng.randint(1, 3)))},)"
        chance = rng.random()
        if chance < 0.15:
            return rng.choice(["1f", "0", "3i64", "True", "-2", "0.5f", "2f16"])
        if chance < 0.35:
            return f"meta[relay.Constant][{rng.randrange(len(_ARRAYS))}]"
        return rng.choice(self.names[-4:])

    def _attribute(self, default: Any) -> Any:
        """Something of the kind of a default, mostly."""
        rng = self.rng
        if rng.random() < 0.05:
            return rng.choice([None, "nope", (1, "x"), -5, 2**40, 1e30, ()])
        match default:
            case bool():
                return rng.random() < 0.5
            case int():
                return rng.choice(_NUMBERS)
            case float():
                return rng.choice([0.0, 1e-5, 0.5, -1.0, 3.0])
            case str():
                return rng.choice(_WORDS)
            case tuple() if default:
                return tuple(rng.choice((1, 2, 0, 3)) for _ in default)
        kinds: list[Any] = [
            rng.choice(_NUMBERS),
            tuple(rng.choice(_NUMBERS) for _ in range(rng.randrange(5))),
            ((0, 0), (0, 0), (1, 1), (2, 0))[: rng.randrange(5)],
        ]
        return rng.choice(kinds)


_NAMES = sorted(OPERATORS)
_OF_TUPLES = ("concatenate", "stack", "meshgrid", "qnn.concatenate")
_ARRAYS = (
    np.arange(144, dtype=np.float32).reshape(4, 4, 3, 3) / 100, np.ones(4, np.float32), np.array([0, 1], np.int64),
    np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(144, dtype=np.int8).reshape(4, 4, 3, 3),
    np.array([0.5, 0.25, 2, 1], np.float32), np.zeros(4, np.int32), np.array([2, 3], np.int32),
    np.zeros((0, 3), np.float32),
)  # fmt: skip
_CONSTANTS = Constants()
for _array in _ARRAYS:
    _CONSTANTS.reference(_array)
SECTION = _CONSTANTS.section()
