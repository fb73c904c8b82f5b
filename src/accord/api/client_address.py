"""Who the client is on the network, behind proxies that are trusted and headers that are not."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from accord.api.request import Request

Network = IPv4Network | IPv6Network
MAX_HOPS = 32
LONGEST = 64
"""Characters that an address may have, with its IPv6 zone; a longer text is none, and is not remembered."""


class ClientAddress:
    """Resolves the address of a client: only trusted peers may name another in `X-Forwarded-For`."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        """Take the networks whose word counts."""
        self._trusted = tuple(trusted_proxies)
        self._is_trusted = lru_cache(4096)(self._look_up)

    def of(self, request: Request) -> str:
        """Return the right-most address that no trusted proxy has; the peer itself when there is none."""
        address = _plain(request.peer)
        forwarded = request.headers.get(b"x-forwarded-for")
        if forwarded is None or not address or not self._trusted:
            return address
        for hop in reversed(forwarded.decode("latin-1").rsplit(",", MAX_HOPS)):
            named = _plain(hop.strip())
            if not named or not self._is_trusted(address):
                break
            address = named
        return address

    def _look_up(self, address: str) -> bool:
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted)


def _plain(text: str) -> str:
    """Return the address as it is usually written; empty when the text is none."""
    return _parsed(text) if len(text) <= LONGEST else ""


@lru_cache(4096)
def _parsed(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    # A socket that takes both versions shows IPv4 clients as IPv6.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(4096)
def bucket_key(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 that an IPv6 host can move in."""
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False)) if ":" in address else address
