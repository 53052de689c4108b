"""Vendors that go wrong."""
