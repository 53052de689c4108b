"""Chips that are no hardware: their blobs are ONNX, their driver is ONNX's reference evaluator."""
