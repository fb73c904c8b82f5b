"""The product: one file per operation, found by its name."""
