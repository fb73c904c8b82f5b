"""The product: one file per operation, found by name."""
