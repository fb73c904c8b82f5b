"""Find and read the one document that the server loads."""

import json
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]


class BundleUnusable(Exception):
    """No bundle can be read; the message says how to make one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: run `accord contract generate`, or install the package again.")


class BundleMissing(BundleUnusable):
    """Neither the installed package nor the repository has a bundle."""

    def __init__(self) -> None:
        super().__init__("bundle.json is missing")


def path() -> Path:
    """Where the bundle is: inside the installed package, else in the repository."""
    for candidate in (HERE / "bundle.json", REPOSITORY / "openapi" / "bundle.json"):
        if candidate.is_file():
            return candidate
    raise BundleMissing


@cache
def _read(file: Path) -> bytes:
    return file.read_bytes()


def load() -> dict[str, Any]:
    """A fresh copy of the bundle, so that a caller may change what it gets."""
    try:
        return json.loads(_read(path()))
    except json.JSONDecodeError as error:
        raise BundleUnusable(f"{path()} is not JSON ({error})") from error
