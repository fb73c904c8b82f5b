"""The address that links in mails begin with.

Production has PUBLIC_URL. Elsewhere a process that listens uses its own address, and notes it in the data folder, where
workers find it: they do not listen, and the port may be any.
"""

from urllib.parse import urlsplit

from accord.settings import Settings

_FILE = "public-url"
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - told apart, not listened on


def as_opened(listens_on: str) -> str:
    """Return the address that a process listens on as people on this machine open it."""
    url = urlsplit(listens_on)
    host = "localhost" if url.hostname in _EVERYWHERE else url.netloc.rpartition(":")[0]
    return f"{url.scheme}://{host}:{url.port}"


def note(settings: Settings, address: str) -> None:
    """Note the address for workers of this data folder."""
    if settings.public_url is None:
        (settings.data_dir / _FILE).write_text(f"{address}\n", "utf-8")


def noted(settings: Settings) -> str:
    """Return the address that a process of this data folder noted last, or else the one that it would have."""
    file = settings.data_dir / _FILE
    return file.read_text("utf-8").strip() if file.exists() else f"http://localhost:{settings.port}"
