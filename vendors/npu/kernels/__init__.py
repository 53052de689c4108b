"""Kernels: a family of layers each, from layer and views to unrolled instructions without tokens."""
