"""Runtime: load and run artefacts."""
