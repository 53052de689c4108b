"""Host: what no vendor took, as code for the CPU."""
