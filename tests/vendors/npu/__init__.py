"""Tests of the reference NPU."""
