"""Conversations and messages as records, which transactions write."""

from accord.flows.conversations import rules
from accord.flows.conversations.delete_conversation import delete_conversation
from accord.flows.conversations.delete_message import delete_message
from accord.flows.conversations.tables import ConversationRow, MessageRow, conversations, messages
from accord.flows.record_types import RecordType

conversation = RecordType(
    table=conversations,
    row=ConversationRow,
    readable=rules.readable_conversations,
    writable=rules.writable_conversations,
    lists=rules.lists_of_conversation,
    create=rules.started_conversation,
    delete=delete_conversation,
)
message = RecordType(
    table=messages,
    row=MessageRow,
    readable=rules.readable_messages,
    writable=rules.writable_messages,
    lists=rules.lists_of_message,
    create=rules.written_message,
    delete=delete_message,
)
