"""What the property tests of the whole pipeline are made of: programs, vendors, and what must hold."""
