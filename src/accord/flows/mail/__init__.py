"""The mails that operations enqueue, and the inbox of development."""
