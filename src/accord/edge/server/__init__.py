"""The HTTP server: uvicorn, with limits to the bytes that a peer may send and let the process hold."""
