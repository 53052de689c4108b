"""Codegen: vendors compile their segments; segments as ONNX."""
