"""Prometheus metrics of live updates (O-5)."""

from prometheus_client import Counter, Gauge

connections = Gauge("accord_live_connections", "Open live connections by kind.", ["kind"])
deliveries = Counter("accord_live_deliveries", "Changes handed to subscribers.")
closings = Counter("accord_live_closings", "Connections that the server ended, by code.", ["code"])
