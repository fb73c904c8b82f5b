"""Serializers of the inbox of development."""

from accord.contract.serializers import record_serializer
from accord.contract.types import InboxMail

mail = record_serializer(InboxMail)
