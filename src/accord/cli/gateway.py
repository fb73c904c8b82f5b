"""`accord gateway`: serve HTTP, and send the flows to workers."""

from accord.cli.serve import define

__all__ = ["define"]
