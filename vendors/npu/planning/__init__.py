"""Planning, a step a module; plan.py puts them together."""
