"""The HTTP edge: the only part that knows HTTP, ASGI and Connexion."""

import warnings

# Connexion imports the test client of Starlette, which would tell everybody who starts the service.
warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
