"""The banner that `accord serve` prints at the start (O-1)."""

import sys

from accord.boot.processes import HttpProcess


def announce(process: HttpProcess, url: str) -> None:
    """Print the addresses, the data folder, and the setup token while no root account exists."""
    settings = process.settings
    lines = [f"Accord listens on {url}"]
    if settings.docs_enabled:
        lines.append(f"  docs         {url}/docs")
        if settings.smtp_url is None and not settings.is_production:
            lines.append(f"  mails        {url}/docs/inbox")
    lines.append(f"  data folder  {settings.data_dir.resolve()}")
    if settings.env == "development" and settings.rate_limit_enabled:
        lines.append("  rate limits by IP address: not for this machine while ENV=development")
    if process.setup_token is not None:
        lines.append(f"  setup token  {process.setup_token}")
        lines.append("               No root account exists: POST /api/v1/setup with this token creates it, once.")
        lines.append("               The tokens that earlier starts printed are void.")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
