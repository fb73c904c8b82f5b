"""The signing keys of access tokens and of the journal, and the key of signer: configured, or generated.

Generating is for development only, into DATA_DIR. The file appears by hard link, complete and with mode 0600, so a
gateway and a worker that start at the same moment agree on one key and never read half of it.
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
    return _private_key(settings, "jwt_private_key", "jwt.pem")


def journal_key(settings: Settings) -> Ed25519PrivateKey:
    """Return the key that signs checkpoints of the journal."""
    return _private_key(settings, "journal_private_key", "journal.pem")


def flow_signing_key(settings: Settings) -> bytes:
    """Return the secret that gateways and workers share."""
    configured = settings.flow_signing_key
    if configured is not None:
        return configured.get_secret_value().encode()
    return _generated(settings, "flow.key", lambda: secrets.token_hex(32).encode())


def derived_key(settings: Settings, purpose: str) -> bytes:
    """Return a secret that gateways and workers share for this purpose; it tells nothing of those for others."""
    return hmac.digest(flow_signing_key(settings), b"accord " + purpose.encode(), "sha256")


def _private_key(settings: Settings, setting: str, file: str) -> Ed25519PrivateKey:
    configured = getattr(settings, setting)
    pem = configured.get_secret_value().encode() if configured else _generated(settings, file, _new_signing_key)
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{setting.upper()} must be an Ed25519 key; `openssl genpkey -algorithm ed25519` makes one.")
    return key


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _generated(settings: Settings, name: str, new: Callable[[], bytes]) -> bytes:
    """Read the key file, or create it; of several processes, the first to link its file wins."""
    if settings.is_production:
        raise RuntimeError(f"Production never generates keys such as {name}; configure it.")
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
