"""Each operator of Relay against its meaning in numpy: text, Relax, numbers."""
