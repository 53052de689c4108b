"""Lowering: a segment becomes a Network, layers over tensors that are not placed yet."""

from __future__ import annotations

from byoc.vendors.npu.lower.walk import lower as lower
from byoc.vendors.npu.lower.walk import reads as reads
