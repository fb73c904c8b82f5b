"""Accord: a contract-first backend service with no lost update and no lost event."""

__version__ = "0.1.0"
