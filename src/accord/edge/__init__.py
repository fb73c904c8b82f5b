"""The HTTP edge: the only part that uses HTTP, ASGI and Connexion."""

import warnings

# Connexion imports the test client of Starlette, which would print this warning at each start of the service.
warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
