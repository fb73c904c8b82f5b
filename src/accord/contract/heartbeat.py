"""The heartbeat of live connections, which the server, the socket and the event stream send or promise."""

HEARTBEAT = 25
"""Seconds between pings on a socket, whose `welcome` frame says so, and between comments on an event stream.

Proxies keep the connection open, and a lost client is noticed. A worker's heartbeat is another one: `messaging.lease`.
"""
