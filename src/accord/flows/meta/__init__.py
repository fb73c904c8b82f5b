"""The version and the health of the service, and an echo to try a client with."""
