"""The HTTP edge: the only part that knows HTTP, ASGI and Connexion."""
