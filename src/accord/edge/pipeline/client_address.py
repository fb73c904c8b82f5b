"""The address of a client, also behind trusted proxies; headers of other peers are not trusted."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from accord.edge.pipeline import metrics
from accord.edge.pipeline.request import UNIX, Request
from accord.telemetry import logs

Network = IPv4Network | IPv6Network
MAX_HOPS = 32
LONGEST = 80
"""Characters that an address may have, with zone, port and quotes; a longer text is no address, and is not cached."""
_MAPPED = ip_network("::ffff:0:0/96")
# Proxies write an address, with or without brackets, with or without the port of the connection.
_hop = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::\d{1,5})?", re.ASCII).fullmatch


class ClientAddress:
    """Resolves the address of a client: only trusted peers may name another address in `X-Forwarded-For`."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        """Take the networks of the trusted proxies."""
        self._trusted = tuple(map(_as_compared, trusted_proxies))
        self._is_trusted = lru_cache(4096)(self.trusts)
        self._logged = False

    def resolve(self, request: Request) -> str:
        """Return the right-most address that is no trusted proxy's; the peer's when none is forwarded."""
        address = _parsed(request.peer)
        forwarded = request.headers.get(b"x-forwarded-for")
        if forwarded is None or not address or not self._is_trusted(address):
            return address
        hops = [hop for hop in map(str.strip, forwarded.decode("latin-1").rsplit(",", MAX_HOPS)) if hop]
        for hop in reversed(hops or [""]):
            named = _plain(hop)
            if not named:
                request.unreadable = True
                self._tell(address, hop)
                break
            address = named
            if not self._is_trusted(address):
                break
        return address

    def trusts(self, address: str) -> bool:
        """Return whether this is the address of a trusted proxy."""
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted)

    def _tell(self, proxy: str, hop: str) -> None:
        """Count a request whose proxy names no client, so that all its clients count as one; log the first one."""
        metrics.unreadable_addresses.inc()
        if not self._logged:
            self._logged = True
            message = "A trusted proxy names no address in X-Forwarded-For: its clients share one rate limit."
            logs.warning(message, proxy=proxy, hop=hop[:LONGEST])


def _as_compared(network: Network) -> Network:
    """Return an IPv4 network that is written in IPv6 as IPv4, as addresses are compared."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]  # both are IPv6
        mapped = network.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{network.prefixlen - 96}")
    return network


def _plain(text: str) -> str:
    """Return the address in its usual form; empty when the text is no address."""
    return _parsed(text) if len(text) <= LONGEST else ""


@lru_cache(4096)
def _parsed(text: str) -> str:
    if text == UNIX:
        return "127.0.0.1"
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    found = _hop(text[1:-1] if quoted else text)
    # An IPv6 address without brackets has no port: all colons belong to the address.
    bare = (found[1] or found[2]) if found else text
    try:
        address = ip_address(bare)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        # A socket for both versions shows IPv4 clients as IPv6; a zone has a meaning on one machine only.
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)


@lru_cache(4096)
def bucket_key(address: str) -> str:
    """Return the network that counts as one client: an IPv4 address, or the /64 in which an IPv6 host can move."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
