"""Tools for the contract's authors: merge, lint, compare, generate, scaffold. A running process needs none of them."""
