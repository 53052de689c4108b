"""The story of one node."""

from __future__ import annotations

import io
import json

from jsonschema import Draft202012Validator

from byoc.partition.trace import Event
from byoc.report import console, report, schema, story_json, write_story
from tests.report import plans

STORY = (
    (
        "conv2 = nn.conv2d",
        (
            Event("match", "npu", "conv2d_bias_relu (support.yaml:77) matches at relu2"),
            Event("match", "npu", "refused: " + "the words of a vendor may be long " * 3),
            Event("annotate", "npu", f"refused: {plans.KERNEL.message}"),
            Event("merge", "", "nothing to merge"),
        ),
    ),
    ("pool1 = nn.max_pool2d", ()),
    ("item = item", ()),
)

EXPECTED = """\
Conv2 in zoo:small: 3 Relax bindings

conv2 = nn.conv2d
  stays on the host; 40.0 M MACs
  match     npu  conv2d_bias_relu (support.yaml:77) matches at relu2
            npu  refused: the words of a vendor may be long the words of a
                 vendor may be long the words of a vendor may be long
  annotate  npu  refused: the convolution engine holds kernels of at most 7x7
                 [when, support.yaml:31]
  merge          nothing to merge
  - npu: conv2d_bias_relu: the result of nn.conv2d
    (/features/block.1/expand/Conv) is also used by add (/features/block.1/Add),
    which stands outside the match [pattern, support.yaml:77]

pool1 = nn.max_pool2d
  goes to npu as a single op, in segment npu_0 of 4 ops

item = item
  computes nothing: it goes where the ops around it go
"""


def test_the_story_in_words() -> None:
    file = io.StringIO()
    out = console(file)
    out.width = 80
    write_story(plans.partition(story=STORY), "Conv2", out)
    assert file.getvalue() == EXPECTED


def test_the_story_as_json() -> None:
    partition = plans.partition(story=STORY)
    document = {**report(partition), "explain": story_json(partition, "Conv2")}
    Draft202012Validator(schema()).validate(json.loads(json.dumps(document)))
    first, second, third = document["explain"]["ops"]
    assert first["events"][0] == {
        "stage": "match",
        "vendor": "npu",
        "words": "conv2d_bias_relu (support.yaml:77) matches at relu2",
    }
    assert [each["code"] for each in first["refusals"]] == ["pattern", "when"]
    assert second["segment"] == "npu_0"
    assert third["segment"] == ""


def test_bindings_of_one_name_in_two_functions_keep_their_order() -> None:
    ops = (
        plans.op("lv", "add", function="first", segment="npu_0"),
        plans.op("lv", "add", function="second", refusals=(plans.NO_ROW,)),
    )
    plan = plans.plan(ops=ops, segments=(plans.segment(0, ops[:1]),))
    story = (("lv = add", ()), ("lv = add", ()))
    told = story_json(plans.partition(plan, story=story), "Lv")["ops"]
    assert [each["segment"] for each in told] == ["npu_0", ""]
