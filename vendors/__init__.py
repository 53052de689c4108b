"""The bundled vendors, one folder each; each uses byoc's public API alone."""
