"""The types of the contract, as operations take and return them."""

from .generated.models import *  # noqa: F403 - its __all__ says what they are
