"""Accounts that tests work with."""

from typing import Any

from given import Account


async def user(owner: Account, /) -> dict[str, Any]:
    """Return the owner's own account: people have no other, and do not make one for themselves."""
    return owner.user
