"""Figures: what the support table reads of a chip as `hw`."""

from __future__ import annotations

from dataclasses import asdict

from byoc.vendors.npu.hardware import Hardware


def table_figures(hardware: Hardware) -> dict[str, int]:
    """The chip's own figures, and `depth`: the values of k that the matrix unit takes in one float32 step."""
    return {**asdict(hardware), "depth": hardware.depth("float32")}
