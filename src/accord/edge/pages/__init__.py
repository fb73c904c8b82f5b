"""Pages beside the contract's operations: documentation, probes, metrics."""
