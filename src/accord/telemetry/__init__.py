"""Logs: one line of JSON per event."""
