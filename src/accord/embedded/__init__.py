"""PostgreSQL and NATS from Python packages, for machines that have nothing but Python.

Every process that calls `start` on one data folder uses the same two servers: the first process starts them, later ones
join, and the last to leave stops them. `supervise` brings a killed server back on the same address.
"""

from accord.embedded.server import EmbeddedError, EmbeddedServer
from accord.embedded.supervision import supervise

__all__ = ["EmbeddedError", "EmbeddedServer", "supervise"]
