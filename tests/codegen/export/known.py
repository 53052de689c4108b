"""ONNX's node tests that do not come back as they were, and why. A test fails when one of them is mended."""

from __future__ import annotations

SCAN_8 = "Scan had a batch dimension before opset 9"

REFUSED: dict[str, str] = {
    "test_scan_sum": SCAN_8,
    "test_scan_sum, constant": SCAN_8,
}
"""Cases whose export raises ExportError: a part of its words by case."""

DIFFERENT: dict[str, str] = {}
"""Cases that come back with other results: the reason by case."""
