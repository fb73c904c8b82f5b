"""Logs: one line of JSON for each event."""
