"""The address that links in mails begin with.

Production has PUBLIC_URL. Elsewhere the process that listens says so in the data folder, where workers, which do not
listen and may not know its port, find it.
"""

from pathlib import Path
from urllib.parse import urlsplit

from accord.settings import Settings

_FILE = "public-url"
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - told apart, not listened on


def announce(settings: Settings, listens_on: str) -> None:
    """Note the address that this process listens on, as people on this machine open it."""
    if settings.public_url is None:
        url = urlsplit(listens_on)
        host = "localhost" if url.hostname in _EVERYWHERE else url.netloc.rpartition(":")[0]
        (settings.data_dir / _FILE).write_text(f"{url.scheme}://{host}:{url.port}\n", "utf-8")


def public_url(settings: Settings) -> str:
    """Return the address, without a slash at its end."""
    if settings.public_url is not None:
        return settings.public_url
    return _announced(settings.data_dir / _FILE) or f"http://localhost:{settings.port}"


def _announced(file: Path) -> str:
    return file.read_text("utf-8").strip() if file.exists() else ""
