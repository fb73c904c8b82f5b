"""Live updates: WebSocket and server-sent events, fed from the journal by position."""
