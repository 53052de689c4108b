"""Benchmarks: `make bench`, or `python -m bench [PART ...] [--json]`."""
