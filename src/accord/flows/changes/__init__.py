"""What changed, for those who follow it."""
