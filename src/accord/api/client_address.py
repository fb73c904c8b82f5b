"""Who the client is on the network, behind proxies that are trusted and headers that are not."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from accord.api.request import Request

Network = IPv4Network | IPv6Network


class ClientAddress:
    """Resolves the address of a client: only trusted peers may name another in `X-Forwarded-For`."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        """Take the networks whose word counts."""
        self._trusted = tuple(trusted_proxies)
        self._is_trusted = lru_cache(4096)(self._look_up)

    def of(self, request: Request) -> str:
        """Return the right-most address that no trusted proxy has; the peer itself when there is none."""
        client = request.scope.get("client")
        peer: str = client[0] if client else ""
        if not self._trusted or not self._is_trusted(peer):
            return peer
        hops = [
            hop.strip()
            for name, value in request.scope["headers"]
            if name == b"x-forwarded-for"
            for hop in value.decode("latin-1").split(",")
        ]
        address = peer
        for hop in reversed(hops):
            if not _is_address(hop):
                break
            address = hop
            if not self._is_trusted(hop):
                break
        return address

    def _look_up(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(4096)
def bucket_key(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 that an IPv6 host can move in."""
    if not _is_address(address):
        return address
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed.packed, 64), strict=False))
    return address
