"""Records of every kind: read together, and changed together in record transactions."""
