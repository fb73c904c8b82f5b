"""People who talk: conversations, their members and their messages."""
