"""The queue: what a transaction writes so that a job runs after its commit."""
