"""Tickets for the live socket."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Uuid

from accord.database.schema import metadata, timestamp

live_tickets = Table(
    "live_tickets",
    metadata,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    timestamp("expires_at"),
)
