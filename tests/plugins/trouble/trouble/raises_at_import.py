"""A plugin whose toolchain is missing."""

raise ImportError("libtrouble.so.3: cannot open shared object file")
