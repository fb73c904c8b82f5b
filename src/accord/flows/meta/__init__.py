"""What is running, whether it is well, and a way to try a client."""
