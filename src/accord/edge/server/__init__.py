"""The HTTP server: uvicorn, limited in what a peer may send and hold."""
