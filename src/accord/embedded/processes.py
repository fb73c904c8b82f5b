"""Inspects processes that are not children of this one; psutil comes with an extra, hence the late imports."""

from contextlib import suppress
from pathlib import Path


def is_alive(pid: int | None) -> bool:
    """Return whether the process runs; a zombie does not."""
    import psutil  # noqa: PLC0415 - see above

    with suppress(psutil.NoSuchProcess):
        return pid is not None and psutil.Process(pid).status() not in {
            psutil.STATUS_ZOMBIE,
            psutil.STATUS_DEAD,
        }
    return False


def working_in(folder: Path, name: str) -> list[int]:
    import psutil  # noqa: PLC0415 - see above

    found: list[int] = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == name and process.cwd() == str(folder):
                found.append(process.pid)
    return found
