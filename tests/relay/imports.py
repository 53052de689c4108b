"""What pattern tables of TVM 0.18 and of other projects import of TVM, or use through an import, name by name."""

from __future__ import annotations

from typing import Final

DFP: Final = "tvm.relay.dataflow_pattern"
REGISTER: Final = "tvm.relay.op.contrib.register"

IMPORTS: Final[dict[str, dict[str, str]]] = {
    "arm_compute_lib": {
        "tvm": "get_global_func ir.register_op_attr transform.Sequential",
        "tvm.relay.expr": "const",
        "tvm.relay": "transform",
        "tvm.relay.transform": "MergeComposite AnnotateTarget PartitionGraph",
        "tvm.relay.build_module": "bind_params_by_name",
        DFP: "wildcard is_op is_constant is_expr",
        REGISTER: "register_pattern_table",
    },
    "bnns": {
        "tvm": "ir.register_op_attr relay.expr.Constant transform.Sequential",
        "tvm.relay": "transform",
        "tvm.relay.transform": "InferType FoldConstant FoldScaleAxis DynamicToStatic AlterOpLayout MergeComposite",
        "tvm.relay.expr": "const",
        "tvm.relay.build_module": "bind_params_by_name",
        DFP: "wildcard is_op is_expr",
        REGISTER: "register_pattern_table get_pattern_table",
    },
    "clml": {
        "tvm": "IRModule get_global_func ir.register_op_attr relay.expr.TupleGetItem transform.PassContext",
        "tvm.relay": "transform function nn.conv2d op.get",
        "tvm.ir": "Op",
        "tvm._ffi": "register_func",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.expr_functor": "ExprMutator",
        "tvm.relay.expr": "Call TupleGetItem",
        "tvm.relay.function": "Function",
        "tvm.relay.transform": "function_pass InferType FoldConstant MergeComposite AlterOpLayout ConvertLayout",
        "tvm.relay.op.strategy.generic": "is_depthwise_conv2d",
        DFP: "wildcard is_op is_constant is_tuple_get_item is_tuple",
        REGISTER: "register_pattern_table",
    },
    "cmsisnn": {
        "tvm": "ir.register_op_attr relay.expr.Call relay.expr.Constant transform.Sequential",
        "tvm.target": "Target",
        "tvm.relay": "transform",
        "tvm.relay.build_module": "bind_params_by_name",
        DFP: "is_constant is_op wildcard",
        REGISTER: "register_pattern_table",
    },
    "coreml": {
        "tvm": "ir.register_op_attr",
        "tvm.relay.expr": "Constant",
    },
    "cudnn": {
        "tvm": "IRModule ir te transform.Sequential _ffi.register_func",
        "tvm.relay": "transform Call Pattern",
        "tvm.relay.op.contrib.te_target": "lower_composite relay_to_runtime",
        DFP: "is_op wildcard",
        REGISTER: "register_pattern_table",
    },
    "cutlass": {
        "tvm.relay": "transform",
        "tvm.relay.transform": "MergeComposite AnnotateTarget PartitionGraph",
        DFP: "wildcard is_op is_constant",
    },
    "dnnl": {
        "tvm": "IRModule ir.register_op_attr ir.container.Array ir.tensor_type.TensorType tir.op.Op",
        "tvm.ir": "Op",
        "tvm.relay": "transform Call Tuple const expr.Var expr.Constant op.add op.nn.dense op.get analysis",
        "tvm.relay.expr": "GlobalVar const Call TupleGetItem",
        "tvm.relay.expr_functor": "ExprMutator ExprVisitor",
        "tvm.relay.analysis": "post_order_visit",
        "tvm.relay.transform": "InferType FoldConstant InferTypeLocal RemoveUnusedFunctions",
        "tvm.relay._ffi_api": "get_optimal_layout_for_conv",
        DFP: "wildcard is_op is_constant is_expr rewrite DFPatternCallback",
        REGISTER: "register_pattern_table",
    },
    "ethosn": {
        "tvm": "get_global_func ir.IRModule ir.register_op_attr transform.Sequential",
        "tvm.relay": "transform",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.op.contrib._ethosn": "conv2d",
        DFP: "is_constant is_op wildcard",
        REGISTER: "register_pattern_table",
    },
    "ethosu": {
        "tvm": "IRModule ir.container.Array relay.Function",
        "tvm.ir": "Op",
        "tvm.relay": "Call Function",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.expr": "Call Constant",
        "tvm.relay.backend.contrib.ethosu.util": "QConv2DArgs BiasAddArgs RequantArgs get_dim_value",
        DFP: "is_constant is_op is_tuple wildcard",
        REGISTER: "register_pattern_table",
    },
    "mrvl": {
        "tvm": "ir.register_op_attr relay.expr.TupleGetItem tir.op.Op transform.PassContext",
        "tvm.relay": "Any Function analysis.post_order_visit nn.conv2d op.get transform.InferType",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.expr_functor": "ExprMutator ExprVisitor",
        "tvm.relay.expr": "Call TupleGetItem",
        "tvm.relay.op.strategy.generic": "is_depthwise_conv2d",
        DFP: "wildcard is_op is_constant is_tuple is_tuple_get_item is_var",
        REGISTER: "register_pattern_table",
    },
    "tensorrt": {
        "tvm": "IRModule get_global_func ir.TensorType ir.TupleType nd.NDArray target.Target tir.expr.Any",
        "tvm.ir": "Op",
        "tvm.relay": "transform Tuple expr.Expr",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.expr": "Call Constant GlobalVar TupleGetItem",
        "tvm.relay.expr_functor": "ExprMutator ExprVisitor",
        "tvm.relay.transform": "function_pass InferType RemoveUnusedFunctions ConvertLayout FoldConstant",
        DFP: "is_constant is_op is_tuple is_tuple_get_item wildcard",
        REGISTER: "register_pattern_table",
    },
    "vitis_ai": {
        "tvm": "_ffi transform.PassContext",
        "tvm.relay": "Call ExprMutator transform",
        "tvm.relay.build_module": "bind_params_by_name",
        "tvm.relay.expr": "Tuple TupleGetItem",
        "tvm.relay.op.annotation": "compiler_begin compiler_end",
        "tvm.relay.transform": "function_pass RemoveUnusedFunctions ConvertLayout FoldConstant",
    },
    "a processor with its own dataflow passes": {
        "tvm.ir.transform": "PassContext",
        "tvm.ir.tensor_type": "TensorType",
        "tvm.ir.type": "TupleType",
        "tvm.relay.build_module": "bind_params_by_name BuildModule",
        "tvm.relay.expr_functor": "ExprMutator ExprVisitor",
        DFP: "wildcard is_op DFPatternCallback rewrite",
        REGISTER: "register_pattern_table",
    },
    "a library for dense layers, graph rewritten by mutators": {
        "tvm.relay": "nn.bias_add transform.function_pass",
        "tvm.relay.expr_functor": "ExprMutator",
        "tvm.relay.analysis": "free_vars",
        DFP: "is_op wildcard is_constant TupleGetItemPattern",
        REGISTER: "get_pattern_table",
    },
}
"""Table -> module of TVM -> the names, parted by spaces."""

WITHOUT: Final = {
    "tvm.relay._ffi_api.get_optimal_layout_for_conv": "C++ of TVM's own oneDNN runtime",
    "tvm.relay.backend.contrib.ethosu.util.BiasAddArgs": "TVM's own compiler for Ethos-U",
    "tvm.relay.backend.contrib.ethosu.util.QConv2DArgs": "TVM's own compiler for Ethos-U",
    "tvm.relay.backend.contrib.ethosu.util.RequantArgs": "TVM's own compiler for Ethos-U",
    "tvm.relay.backend.contrib.ethosu.util.get_dim_value": "TVM's own compiler for Ethos-U",
    "tvm.relay.build_module.BuildModule": "building is `byoc compile`'s",
    "tvm.relay.op.contrib._ethosn.conv2d": "C++ of TVM's own Ethos-N support",
    "tvm.relay.op.contrib.te_target.lower_composite": "a codegen in TVM's tensor expressions",
    "tvm.relay.op.contrib.te_target.relay_to_runtime": "a codegen in TVM's tensor expressions",
}
"""What byoc has nothing for, and why."""
