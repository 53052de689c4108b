"""Constraints: small predicates on the facts of an op, each with the words that refuse, document and explain it.

The order in which a row holds them is `ORDER`: what is cheap to see and quick to understand comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from byoc.support.axes import AXES, AxisTest, from_front
from byoc.support.facts import Attribute, Facts, Input, Tensor
from byoc.support.leaves import DimSpec, Signature, parse_dim, parse_size
from byoc.support.operations import UnknownError, size_in_bytes
from byoc.support.refusal import Refusal
from byoc.support.schema import AttributeRule, Bounds, DimBounds, InputRule

ORDER: Final = ("dtype", "rank", "layout", "shape", "constant", "attribute", "when")


@dataclass(frozen=True, slots=True)
class Constraint:
    """One demand of a row. `words` state what is taken; `holds` is None for facts that fit, else the refusal."""

    kind: str
    words: str
    rule: str
    holds: Callable[[Facts], Refusal | None]
    because: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who refuses and where it is written: what every refusal of one constraint shares."""

    vendor: str
    rule: str
    because: str = ""

    def refuse(self, code: str, message: str) -> Refusal:
        """A refusal with the rule's own words where it has any; an unknown dimension always speaks for itself."""
        words = message if code == "dynamic" or not self.because else self.because
        return Refusal(code, words, self.rule, self.vendor)


def tensors(name: str, value: Input) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one input with the names that messages use: `data`, or `tensors[1]` of a tuple."""
    if isinstance(value, Tensor):
        yield name, value
    elif value is not None:
        for index, each in enumerate(value):
            yield f"{name}[{index}]", each


def any_of(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


# -- dtypes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DtypeTest:
    """Holds all tensors to one of `signatures`.

    Names in `own` state dtypes of their own and names in `interior` are values inside a pattern: neither is held
    to a signature of one dtype, and interior values do not count as inputs of a longer one.
    """

    author: Author
    signatures: tuple[Signature, ...]
    own: frozenset[str]
    interior: frozenset[str]
    known: dict[Any, bool] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The signatures as the table writes them."""
        return any_of([each.words for each in self.signatures])

    def __call__(self, facts: Facts) -> Refusal | None:
        """The first refusal, or None."""
        interior = self.interior
        inputs = tuple(
            [
                (name, (value.dtype,) if isinstance(value, Tensor) else _dtypes(value))
                for name, value in facts.inputs.items()
                if name not in interior
            ]
        )
        outputs = tuple([each.dtype for each in facts.outputs])
        key = (inputs, outputs)
        fits = self.known.get(key)
        if fits is None:
            fits = any(self._fits(each, inputs, outputs) for each in self.signatures)
            self.known[key] = fits
        return None if fits else self.author.refuse("dtype", self._message(inputs, outputs))

    def _fits(self, signature: Signature, inputs: Any, outputs: tuple[str, ...]) -> bool:
        if signature.every:
            return not self._strangers(signature.every, inputs, outputs)
        written = signature.inputs
        if len(written) != len(inputs):
            inputs = [each for each in inputs if each[1]]
        return (
            len(written) == len(inputs)
            and len(signature.outputs) == len(outputs)
            and all(_is(w, got) for w, (_, got) in zip(written, inputs, strict=True))
            and all(_is(w, (got,)) for w, got in zip(signature.outputs, outputs, strict=True))
        )

    def _strangers(self, every: str, inputs: Any, outputs: tuple[str, ...]) -> list[str]:
        named = [(n, d) for n, dtypes in inputs if n not in self.own for d in dtypes]
        named += [("output", d) for d in outputs]
        return [f"{name} has dtype {dtype}" for name, dtype in named if dtype != every]

    def _message(self, inputs: Any, outputs: tuple[str, ...]) -> str:
        takes = f"{self.author.vendor} takes {self.words}"
        accepted = {each.every for each in self.signatures}
        for each in self.signatures:
            accepted.update(each.inputs, each.outputs)
        for name, dtype in [(n, d) for n, ds in inputs for d in ds] + [
            ("output", d) for d in outputs
        ]:
            if dtype not in accepted and name not in self.own and "*" not in accepted:
                return f"{name} has dtype {dtype}; {takes}"
        given = ", ".join("/".join(dict.fromkeys(ds)) for _, ds in inputs if ds)
        return f"the dtypes are ({given}) -> {', '.join(outputs)}; {takes}"


def _dtypes(value: tuple[Tensor, ...] | None) -> tuple[str, ...]:
    return () if value is None else tuple([each.dtype for each in value])


def _is(written: str, dtypes: Sequence[str]) -> bool:
    return written == "*" or all(each == written for each in dtypes)


# -- rank -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers: some values, or bounds."""

    values: tuple[int, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    multiple: int | float | None = None

    def allows(self, number: int | float) -> bool:
        """Whether `number` is inside."""
        if self.values:
            return number in self.values
        return (
            (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (not self.multiple or number % self.multiple == 0)
        )

    @property
    def largest(self) -> float:
        """The largest number inside."""
        if self.values:
            return max(self.values)
        return float("inf") if self.high is None else self.high

    @property
    def words(self) -> str:
        """`4`, `2 or 4`, `at most 4`."""
        if self.values:
            return any_of([str(each) for each in self.values])
        parts = []
        if self.low is not None and self.high is not None:
            parts.append(f"{self.low} to {self.high}")
        elif self.low is not None:
            parts.append(f"at least {self.low}")
        elif self.high is not None:
            parts.append(f"at most {self.high}")
        if self.multiple:
            parts.append(f"a multiple of {self.multiple}")
        return " and ".join(parts) or "any"


def read_range(written: int | list[int] | Bounds | AttributeRule) -> Range:
    """A rank, a length or a bounded number, as the schema validated it."""
    if isinstance(written, Bounds | AttributeRule):
        return Range((), written.min, written.max, written.multiple_of)
    return Range(tuple(written) if isinstance(written, list) else (written,))


@dataclass(frozen=True, slots=True)
class RankTest:
    """Holds the ranks of all tensors: see docs/support-table.md.

    Inputs that are neither constant nor scalar must be inside `range`; constants and outputs may only not exceed
    its largest rank (a bias has one dimension). Names in `own` state a rank of their own.
    """

    author: Author
    range: Range
    own: frozenset[str]

    def __call__(self, facts: Facts) -> Refusal | None:
        """The first refusal, or None."""
        allows, largest = self.range.allows, self.range.largest
        for name, value in facts.inputs.items():
            if name in self.own:
                continue
            for each in (value,) if isinstance(value, Tensor) else value or ():
                shape = each.shape
                if shape is None:
                    return self._unknown(name)
                rank = len(shape)
                if rank > largest or (rank and each.value is None and not allows(rank)):
                    return self._refuse(name, rank)
        for each in facts.outputs:
            if each.shape is None:
                return self._unknown("output")
            if len(each.shape) > largest:
                return self._refuse("output", len(each.shape))
        return None

    def _unknown(self, name: str) -> Refusal:
        return self.author.refuse("dynamic", f"the rank of {name} is not known")

    def _refuse(self, name: str, rank: int) -> Refusal:
        takes = f"{self.author.vendor} takes {self.range.words}"
        return self.author.refuse("rank", f"{name} has rank {rank}; {takes}")


# -- one input ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputTest:
    """Holds every tensor of the input `name` to `test`, which gives a code and a message, or None."""

    author: Author
    name: str
    test: Callable[[Tensor], tuple[str, str] | None]

    def __call__(self, facts: Facts) -> Refusal | None:
        """The first refusal, or None."""
        value = facts.inputs.get(self.name)
        if value is None:
            return None
        for name, each in tensors(self.name, value):
            wrong = self.test(each)
            if wrong is not None:
                code, message = wrong
                return self.author.refuse(code, f"{name}{message}")
        return None


def input_constraints(name: str, written: InputRule, author: Author) -> Iterator[Constraint]:
    """The constraints of one entry of `inputs`; `each` adds its own."""
    takes = f"; {author.vendor} takes "
    for kind, test, words in _input_tests(written, takes):
        yield Constraint(
            kind,
            f"{name}: {words}",
            author.rule,
            InputTest(author, name, test),
            author.because,
        )
    if written.each is not None:
        nested = Author(author.vendor, author.rule, written.each.because or author.because)
        yield from input_constraints(name, written.each, nested)


_TensorTest = Callable[[Tensor], "tuple[str, str] | None"]


def _input_tests(written: InputRule, takes: str) -> Iterator[tuple[str, _TensorTest, str]]:
    if written.dtypes is not None:
        yield _dtype_test(written.dtypes, takes)
    if written.rank is not None:
        yield _rank_test(read_range(written.rank), takes)
    if written.layout is not None:
        layouts = written.layout if isinstance(written.layout, list) else [written.layout]
        yield _layout_test(layouts, takes)
    if written.shape is not None:
        yield _shape_test(written.shape, takes)
    if written.bytes is not None:
        low, high = (
            parse_size(each) if isinstance(each, str) else each
            for each in (written.bytes.min, written.bytes.max)
        )
        yield _bytes_test(Range((), low, high), takes)
    if written.constant is not None:
        yield _constant_test(written.constant, takes)


def _dtype_test(dtypes: list[str], takes: str) -> tuple[str, _TensorTest, str]:
    words = any_of(dtypes)

    def test(tensor: Tensor) -> tuple[str, str] | None:
        if tensor.dtype in dtypes:
            return None
        return "dtype", f" has dtype {tensor.dtype}{takes}{words}"

    return "dtype", test, words


def _rank_test(ranks: Range, takes: str) -> tuple[str, _TensorTest, str]:
    def test(tensor: Tensor) -> tuple[str, str] | None:
        if tensor.shape is None:
            return "dynamic", ": the rank is not known"
        rank = len(tensor.shape)
        return None if ranks.allows(rank) else ("rank", f" has rank {rank}{takes}{ranks.words}")

    return "rank", test, f"rank {ranks.words}"


def _layout_test(layouts: list[str], takes: str) -> tuple[str, _TensorTest, str]:
    words = any_of(layouts)

    def test(tensor: Tensor) -> tuple[str, str] | None:
        if tensor.layout in layouts:
            return None
        has = f"layout {tensor.layout}" if tensor.layout else "no stated layout"
        return "layout", f" has {has}{takes}{words}"

    return "layout", test, f"layout {words}"


def _shape_test(written: Sequence[Any], takes: str) -> tuple[str, _TensorTest, str]:
    specs = [read_dim(each) for each in written]
    gap = specs.index(None) if None in specs else None
    head = specs if gap is None else specs[:gap]
    tail = [] if gap is None else specs[gap + 1 :]
    words = "[" + ", ".join("..." if each is None else each.words for each in specs) + "]"
    least = len(head) + len(tail)

    def test(tensor: Tensor) -> tuple[str, str] | None:
        shape = tensor.shape
        if shape is None:
            return "dynamic", ": the rank is not known"
        if len(shape) < least or (gap is None and len(shape) > least):
            return "rank", f" has {len(shape)} dimensions{takes}{words}"
        for offset, part in ((0, head), (len(shape) - len(tail), tail)):
            for index, spec in enumerate(part, offset):
                dim = shape[index]
                if isinstance(dim, int):
                    if not spec.allows(dim):  # type: ignore[union-attr]  # the gap is in neither part
                        return "shape", f".shape[{index}] is {dim}{takes}{spec.words}"  # type: ignore[union-attr]
                elif not spec.symbolic:  # type: ignore[union-attr]
                    return "dynamic", f".shape[{index}] is not known{f' ({dim})' if dim else ''}"
        return None

    return "shape", test, f"shape {words}"


def read_dim(written: Any) -> DimSpec | None:
    """An entry of `shape`; None is the gap `...`."""
    if isinstance(written, DimBounds):
        return DimSpec(written.min, written.max, written.multiple_of or 1, bool(written.symbolic))
    return parse_dim(written)


def _bytes_test(limits: Range, takes: str) -> tuple[str, _TensorTest, str]:
    def test(tensor: Tensor) -> tuple[str, str] | None:
        try:
            size = size_in_bytes(tensor)
        except UnknownError as e:
            return "dynamic", f": its size is not known, because {e} is not"
        return (
            None if limits.allows(size) else ("shape", f" takes {size} bytes{takes}{limits.words}")
        )

    return "shape", test, f"{limits.words} bytes"


def _constant_test(constant: bool, takes: str) -> tuple[str, _TensorTest, str]:
    words = "a constant" if constant else "a value computed at run time"

    def test(tensor: Tensor) -> tuple[str, str] | None:
        if (tensor.value is not None) == constant:
            return None
        return "constant", f" is {'not ' if constant else ''}a constant{takes}{words}"

    return "constant", test, words


# -- attributes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """Holds the attribute `name` to `accepts`. An attribute that the op does not have at all is not held."""

    author: Author
    name: str
    accepts: Callable[[Attribute], bool]
    words: str

    def __call__(self, facts: Facts) -> Refusal | None:
        """The first refusal, or None."""
        try:
            value = facts.attrs[self.name]
        except KeyError:
            return None
        if self.accepts(value):
            return None
        takes = f"{self.author.vendor} takes {self.words}"
        return self.author.refuse("attribute", f"{self.name} is {show(value)}; {takes}")


def attribute_constraint(name: str, written: Any, author: Author) -> Constraint:
    """The constraint of one entry of `attrs`: a value, a list of values, or an AttributeRule."""
    accepts, words = read_attribute(written)
    plain = AttributeTest(author, name, accepts, words)
    test: AttributeTest | AxisTest = plain
    if name in AXES and from_front(written, 1) != written:
        test = AxisTest(plain, cache(lambda rank: read_attribute(from_front(written, rank))[0]))
    return Constraint("attribute", f"{name}: {words}", author.rule, test, author.because)


def read_attribute(written: Any) -> tuple[Callable[[Attribute], bool], str]:
    """The predicate of an attribute rule, and what it accepts in words."""
    if not isinstance(written, AttributeRule):
        values = [_freeze(each) for each in (written if isinstance(written, list) else [written])]
        return partial(_among, values), any_of([show(each) for each in values])
    tests: list[Callable[[Attribute], bool]] = []
    words: list[str] = []
    bounds = read_range(written)
    if bounds != Range():
        tests.append(lambda value: _is_number(value) and bounds.allows(value))  # type: ignore[arg-type]
        words.append(bounds.words)
    if written.any is not None:
        accepts, said = read_attribute(written.any)
        tests.append(accepts)
        words.append(said)
    if written.len is not None:
        lengths = read_range(written.len)
        tests.append(lambda value: isinstance(value, tuple) and lengths.allows(len(value)))
        words.append(f"{lengths.words} elements")
    if written.each is not None:
        of_each, said = read_attribute(written.each)
        tests.append(partial(_all_of, of_each))
        words.append(f"each {said}")
    accepts = tests[0] if len(tests) == 1 else (lambda value: all(test(value) for test in tests))
    return accepts, " and ".join(words) or "any"


def _is_number(value: Attribute) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _among(values: list[Attribute], value: Attribute) -> bool:
    # A loop: this runs for every op of a model, and a generator doubles its time.
    for each in values:  # noqa: SIM110  # see above
        if value == each and isinstance(value, bool) == isinstance(each, bool):
            return True
    return False


def _all_of(test: Callable[[Attribute], bool], value: Attribute) -> bool:
    return all(map(test, value)) if isinstance(value, tuple) else test(value)


def _freeze(value: Any) -> Attribute:
    return tuple(_freeze(each) for each in value) if isinstance(value, list) else value


def show(value: Attribute) -> str:
    """An attribute's value as tables write it: lists in brackets, texts bare, `none` for None."""
    if isinstance(value, tuple):
        return "[" + ", ".join(show(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
