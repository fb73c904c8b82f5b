"""Mail: templates, the message, the SMTP server, and the inbox of development."""
