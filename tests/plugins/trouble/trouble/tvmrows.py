"""A vendor whose pattern table is TVM's: rows as register_patterns takes them, with a check."""

import byoc


@byoc.hookimpl
def byoc_vendor_spec():
    return byoc.VendorSpec(name="tvmrows")


@byoc.hookimpl
def byoc_pattern_table(vendor):
    if vendor != "tvmrows":
        return None
    from tvm.relax.dpl import is_op, wildcard

    data = wildcard()
    added = is_op("relax.add")(data, wildcard())
    return [
        (
            "tvmrows.add_relu",
            is_op("relax.nn.relu")(added),
            {"add": added, "data": data},
            wide_enough,
        ),
        ("tvmrows.exp", is_op("relax.exp")(wildcard())),
    ]


def wide_enough(context):
    return int(context.annotated_expr["add"].ty.shape[-1]) >= 8
