"""x."""

EMITTERS = {}
