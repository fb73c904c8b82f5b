"""The signing key of access tokens and the key of flow envelopes: configured, or generated into DATA_DIR.

Generating is for development only. The file appears by hard link, complete and with mode 0600, so a gateway
and a worker that start at the same moment agree on one key and never read half of it.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.settings import Settings


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """Return the key that signs access tokens."""
    configured = settings.jwt_private_key
    given = configured.get_secret_value().encode() if configured else None
    pem = given or _generated(settings, "jwt.pem", _new_signing_key)
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("JWT_PRIVATE_KEY must be an Ed25519 key; `openssl genpkey -algorithm ed25519` makes one.")
    return key


def envelope_key(settings: Settings) -> bytes:
    """Return the secret that gateways and workers share."""
    configured = settings.flow_envelope_key
    if configured is not None:
        return configured.get_secret_value().encode()
    return _generated(settings, "envelope.key", lambda: secrets.token_hex(32).encode())


def derived_key(settings: Settings, purpose: str) -> bytes:
    """Return a secret that gateways and workers share for this purpose; it tells nothing of those for others."""
    return hmac.digest(envelope_key(settings), b"accord " + purpose.encode(), "sha256")


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _generated(settings: Settings, name: str, new: Callable[[], bytes]) -> bytes:
    """Read the key file, or make it; whoever links first decides."""
    if settings.is_production:
        raise RuntimeError("Production never generates keys; set JWT_PRIVATE_KEY and FLOW_ENVELOPE_KEY.")
    folder = settings.data_dir / "keys"
    file = folder / name
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _publish(new(), file)
    return file.read_bytes()


def _publish(content: bytes, file: Path) -> None:
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass  # Another process was first, and its key is as good.
    finally:
        Path(draft).unlink()
