"""Mistakes as users make them: every one is answered with its place and with what to do, however deep or large."""

import re
from pathlib import Path

import pytest

from byoc.errors import ModelError
from byoc.frontends.relay import import_relay
from byoc.frontends.relay.module import convert_text

VERSION = '#[version = "0.0.5"]\n'
X = "%x: Tensor[(1, 3), float32]"
FN = "fn (%a: Tensor[(1, 3), float32])"


def main(body: str, params: str = X, result: str = "") -> str:
    return f"{VERSION}def @main({params}){result} {{\n{body}\n}}\n"


def nested(before: str, inner: str, after: str, times: int) -> str:
    return main(before * times + inner + after * times)


MISTAKES = {
    # What the grammar has no rule for.
    "no semicolon": (main("%0 = exp(%x)\nexp(%0)"), "4:1: unexpected 'exp'; expected ';'"),
    "no comma": (main("add(%x %x)"), "3:8: unexpected '%x'; expected ',' or ')'"),
    "no equals": (main("let %y exp(%x); %y"), "3:8: unexpected 'exp'; expected '=' or ':'"),
    "no else": (main("if (True) { %x }"), "4:1: unexpected '}'; expected `else`"),
    "no result": (main("%0 = exp(%x);"), "4:1: unexpected '}'; expected an expression"),
    "another bracket": (main("add(%x, %x];"), "3:11: unexpected ']'; expected ',' or ')'; the '(' of line 3"),
    "one bracket more": (main("%x") + "}", "5:1: unexpected '}'; expected `def @main(...) {...}`; no bracket"),
    "one bracket less": (main("%x")[:-2], "4:1: the text ends too early; the '{' of line 2 is not closed"),
    "open string": (main('cast(%x, dtype="int8)'), "3:16: the string is not closed"),
    "open comment": (main("%x /* ty=int8"), "3:4: the comment is not closed"),
    "strange sign": (main("exp($x)"), "3:5: unexpected '$'"),
    "match": (main("match (%x) { }"), "3:1: match: algebraic data types"),
    "type": ("type List[A] { Nil, }", "1:1: type: algebraic data types"),
    "type parameter": ("def @main[A](%x: A) { %x }", "1:10: a function with type parameters"),
    "attribute twice": (main("nn.softmax(%x, axis=1, axis=0)"), "3:24: the attribute axis is given twice"),
    "later version": (VERSION.replace("0.0.5", "0.1") + "1f", "1:1: text of version 0.1; byoc reads"),
    "JSON": ('{"root": 1}', "1:1: this is JSON"),
    "Python": ("import tvm\nfrom tvm import relay\n", "1:1: this is Python"),
    "TVMScript": ("# from tvm.script import relax as R\n@R.function\ndef f(x): pass", "1:1: this is Python"),
    "binary": ("\x7fELF\x02\0\0", "1:1: this is no text"),
    "nothing": ("", "1:1: the text has no function @main, but none at all"),
    "no main": (f"def @f({X}) {{ %x }}", "1:1: the text has no function @main, but @f"),
    "main twice": (main("%x") + main("%x").replace(VERSION, ""), "5:5: @main is defined twice"),
    # What is no number, or none of its type.
    "large integer": (main("add(%x, 99999999999999999999)"), "3:9: 99999999999999999999 does not fit int64"),
    "large float": (main("add(%x, 1e999f)"), "3:9: 1e999 does not fit a float"),
    "large index": (main(f"(%x,).{'9' * 5000}"), "3:6: 9999"),
    "large entry": (main(f"meta[relay.Constant][{'9' * 5000}]"), "3:1: 9999"),
    "no dtype": (main("%x", "%x: Tensor[(1), flot32]"), "2:27: there is no type flot32; did you mean 'float32'"),
    "no dimension": (main("%x", "%x: Tensor[(1.5), int8]"), "2:23: 1.5 is no dimension"),
    "fraction": (main("add(%x, 1.5i32)"), "3:9: 1.5i32 has a fraction"),
    # What has no meaning.
    "no name": (main("%out = exp(%x); exp(%outt)"), "3:21: %outt is not bound here; did you mean 'out'"),
    "before it is bound": (main("%0 = exp(%1); %1 = exp(%x); %0"), "3:10: %1 is not bound here"),
    "free": (main("free_var %z: int8; %z"), "3:10: %z is free"),
    "no type": (main("%x", "%x"), "2:11: the type of %x is not written"),
    "parameter twice": (main("%x", f"{X}, {X}"), "2:40: the parameter %x is there twice"),
    "no operator": (main("nn.conv2dd(%x)"), "3:1: byoc has no form for the operator nn.conv2dd; did you mean"),
    "no attribute": (main("nn.softmax(%x, axes=1)"), "3:1: nn.softmax has no attribute axes; did you mean 'axis'"),
    "argument more": (main("exp(%x, %x)"), "3:1: exp takes 1 arguments; it is given 2"),
    "no function": (main("@npu_0(%x)") + f"def @npu_1({X}) {{ %x }}", "3:1: the module has no function @npu_0;"),
    "itself": (main("@f(%x)") + f"def @f({X}) {{ @f(%x) }}", ": @f calls itself"),
    "operator as value": (main("add(exp, %x)"), "3:5: an operator or a function of the module stands"),
    "number as function": (main("%x(%x)"), "3:1: a call of what is no function"),
    "item too far": (main("%0 = (%x, %x);\n%0.2"), "4:1: item 2 of a tuple of 2"),
    "no constants": (main("add(%x, meta[relay.Constant][0])"), "3:9: meta[relay.Constant][0] is no constant of the "
                     "metadata section: the text has none. Write it with `mod.astext(show_meta_data=True)`"),
    "no JSON": (main("%x") + '#[metadata]\n{"root":\n}', "7:1: the metadata section is no JSON"),
    "no graph": (main("%x") + "#[metadata]\n[1]", "5:1: the metadata section is not the JSON of nodes"),
    # Types that are not those of the values.
    "let": (main("let %y: Tensor[(1, 4), float32] = exp(%x); %y"),
            "3:5: %y is Tensor[(1, 3), float32], but Tensor[(1, 4), float32] is expected"),
    "result": (main("exp(%x)", result=" -> Tensor[(1, 3), int8]"),
               "2:1: the result is Tensor[(1, 3), float32], but Tensor[(1, 3), int8] is expected"),
    "item": (main("(%x, %x)", result=" -> (Tensor[(1, 3), float32], int8)"), "2:1: item 1 of the result is Tensor"),
    "items": (main("(%x, %x)", result=" -> (int8,)"), "2:1: the result is (Tensor[(1, 3), float32], Tensor"),
    "argument": (main("%0 = fn (%a: int8) { %a }; %0(%x)"), "3:28: the argument %a is Tensor[(1, 3), float32]"),
    "condition": (main("if (%x) { %x } else { %x }"), "3:5: the condition is Tensor[(1, 3), float32]"),
    "shapes": (main("add(%x, %y)", f"{X}, %y: Tensor[(2, 4), float32]"),
               "3:1: add has no form in Relax here: the first input shape at dim 1 is 3"),
    # Depth and growth.
    "parentheses": (nested("(", "%x", ")", 5000), "3:200: brackets within brackets"),
    "calls": (nested("exp(", "%x", ")", 150), "3:401: expressions within expressions"),
    "lists": (main(f"reshape(%x, newshape={'[' * 5000}{']' * 5000})"), "3:220: brackets within brackets"),
    "tuples": (nested("(", "%x", ",)", 150), "3:101: expressions within expressions"),
    "scopes": (nested("(let %y = ", "%x", "; %y)", 150), "expressions within expressions"),
    "branches": (nested("if (True) { ", "%x", "} else { %x }", 150), "expressions within expressions"),
    "sums": (main(" + ".join(["%x"] * 5000)), "expressions within expressions"),
    "items of items": (main("%x" + ".0" * 5000), "3:1: item 0 of what is no tuple"),
    "calls of calls": (main("%x" + "()" * 5000), "3:1: expressions within expressions"),
    "tuples of tuples": (
        main("%0 = (%x, %x);\n" + "".join(f"%{i + 1} = (%{i}, %{i});\n" for i in range(40)) + "%40"),
        "19:7: tuples of tuples, too large to be written out",
    ),
    "recursion": (main(f"let %f = {FN} {{ %f(%a) }}; %f(%x)"), "%f is not bound here"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(mistake: str) -> None:
    text, words = MISTAKES[mistake]
    with pytest.raises(ModelError) as error:
        convert_text(text, {}, {}, {}, "m")
    assert re.match(r"m:\d+:\d+: ", str(error.value))
    assert words in str(error.value), error.value


@pytest.mark.slow
def test_functions_that_double_with_each_call_are_refused() -> None:
    doubling = "".join(f"%{i + 1} = {FN} {{ %{i}(%{i}(%a)) }};\n" for i in range(40))
    with pytest.raises(ModelError, match="called more than 100,000 times"):
        convert_text(main(f"%0 = {FN} {{ exp(%a) }};\n{doubling}%40(%x)"), {}, {}, {}, "m")


@pytest.mark.parametrize(
    "text",
    [
        nested("(", "(%x, %x).1", ")", 150),
        nested("(%0 = exp(%x); ", "%0", ")", 190),
        nested(f"{FN} {{ ", "%a", "}(%x)", 90),
        main("@f0(%x)")
        + "".join(f"def @f{i}({X}) {{ @f{i + 1}(%x) }}\n" for i in range(300))
        + f"def @f300({X}) {{ %x }}",
        main(f"add(%x, {'-' * 5000}1f)"),
        main("%x.0 = exp(%x); %x.0"),
    ],
    ids=["parentheses", "scopes", "functions", "calls", "signs", "a dot in a name"],
)
def test_what_is_deep_and_yet_plain_converts(text: str) -> None:
    assert convert_text(text, {}, {}, {}, "m").inputs == ("x",)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        (f"fn ({X}) -> Tensor[(1, 3), float32] {{ exp(%x) }}", ("x",)),
        (
            "free_var %x: Tensor[(1, 3), float32];\nfree_var %y: float32;\n%0 = exp(%x);\nadd(%0, %y)",
            ("x", "y"),
        ),
    ],
    ids=["a function", "an expression"],
)
def test_a_text_without_definitions_is_main(text: str, inputs: tuple[str, ...]) -> None:
    assert convert_text(VERSION + text, {}, {}, {}, "m").inputs == inputs


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_bytes_as_shells_and_editors_write_them(tmp_path: Path, encoding: str, ends: str) -> None:
    path = tmp_path / "m.relay"
    path.write_bytes(main("\texp(%x) // größer").replace("\n", ends).encode(encoding))
    assert import_relay(path).inputs == ("x",)
    path.write_bytes(main("\texp(%y)").replace("\n", ends).encode(encoding))
    with pytest.raises(ModelError, match=r"[/\\]m.relay:3:6: %y is not bound here"):
        import_relay(path)


def test_bytes_that_are_no_text_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "m.relay"
    path.write_bytes(main("exp(%x) // gr").encode() + b"\xf6\xdfer")
    with pytest.raises(ModelError, match=r"[/\\]m.relay:5:1: byte 0xf6 is no UTF-8"):
        import_relay(path)
    path.write_bytes(main("exp(%x)").encode("utf-16")[:-1])
    with pytest.raises(ModelError, match=r"[/\\]m.relay:4:2: byte 0x0a is no UTF-16"):
        import_relay(path)


def test_a_comment_may_hold_others() -> None:
    assert convert_text(main("%x /* a /* b */ c */"), {}, {}, {}, "m").inputs == ("x",)
    assert convert_text(main("%x /* ty=a/*b */"), {}, {}, {}, "m").inputs == ("x",)
