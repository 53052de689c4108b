"""A plugin that claims a name that byoc's own vendor has."""
