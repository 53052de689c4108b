"""byoc: partition a model for an accelerator."""
