"""The inbox of development: mails that a process without SMTP_URL would have sent."""

from sqlalchemy import BigInteger, Column, Identity, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from accord.database.schema import metadata, timestamp

inbox = Table(
    "inbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    timestamp("at"),
    Column("recipient", Text, nullable=False),
    # As `email_key` has it, so that a mail is found by any spelling of its address.
    Column("recipient_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("links", JSONB, nullable=False),
)
