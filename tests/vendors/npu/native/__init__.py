"""Tests of the simulator: what instructions compute, how long they take, what is refused."""
