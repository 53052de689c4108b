"""Vendor-neutral graph work: match, annotate, place, merge, outline, verify. No I/O."""
