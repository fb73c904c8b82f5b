"""The work of serving commands while the rest of the service is imported: importing is most of a start."""

import gc
from typing import Any

from accord.cli.startup import make_data_folder
from accord.settings import Settings


def begin(settings: Settings) -> Any:
    """Start the embedded servers in the background."""
    # Imported objects stay for good, so that collecting garbage among them is a waste; boot enables it again.
    gc.disable()
    make_data_folder(settings)
    from accord.embedded.prestart import prestart  # noqa: PLC0415 - garbage collection is off by now

    return prestart(settings)
