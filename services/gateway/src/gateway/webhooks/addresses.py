"""Where events may be sent: to a named host on the public Internet, and to nothing else.

A tenant names the address, our worker makes the call from inside: without these rules anybody with
an access token could make it call the platform's own services (SSRF). A URL is judged by how it
is written when it is registered, and by the address that its name stands for each time it is
called.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2000
HTTPS_PORT = 443
ACCEPTED = (
    "Give an https:// URL of a host name on the public Internet: no IP address, no user, no "
    "fragment, on port 443 or one that the operator allows."
)
_LOOPBACK = IPv4Address("127.0.0.1")

# IANA's special-purpose registries (RFC 6890 and its updates), and 168.63.129.16, at which one
# large provider answers its own machines.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_6 = IPv6Network("2000::/3")
# In the order of the registry: protocols (Teredo among them), documentation, 6to4, AS112,
# documentation again. Mapped, compatible, local, link-local and multicast lie outside 2000::/3.
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFFFFFF

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?P<top>{_LABEL})")
_WRITTEN = re.compile(r"[!-~]+")
_PATH_BREAKERS = frozenset('\\"<>^`{|}')
_NOT_PUBLIC_NAMES = (
    "localhost", "local", "internal", "localdomain", "lan", "home", "corp", "intranet", "private",
    "home.arpa", "in-addr.arpa", "ip6.arpa", "test", "invalid", "onion", "alt",
)  # fmt: skip
"""Names that no public resolver answers, or that only the inside of a network knows."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the operator lets events go."""

    ports: Collection[int] = (HTTPS_PORT,)
    loopback: bool = False
    """Development only: `http://127.0.0.1` is an address too."""
    closed: tuple[Network, ...] = ()
    """Public networks that are the operator's own, and closed all the same."""

    def admits(self, url: str) -> bool:
        """Say whether `url` is written as one that events may be sent to."""
        if len(url) > MAX_URL or not _WRITTEN.fullmatch(url) or _PATH_BREAKERS & set(url):
            return False
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if "#" in url or parts.username is not None or parts.password is not None:
            return False
        if self.loopback and parts.scheme == "http" and parts.hostname == str(_LOOPBACK):
            return port is not None and parts.netloc == f"{_LOOPBACK}:{port}"
        written = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
        return (
            parts.scheme == "https"
            and url.startswith("https://")
            and (HTTPS_PORT if port is None else port) in self.ports
            and _is_public_name(written)
        )

    def reaches(self, address: str) -> bool:
        """Say whether a connection may be made to this address, which a name stood for."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return is_public(found) and not any(map(self._is_closed, {found, _reached(found)}))

    def _is_closed(self, address: Address) -> bool:
        return any(
            address in network for network in self.closed if network.version == address.version
        )

    def connects(self, address: str) -> bool:
        """Say whether a socket may be opened to this address, however it was found."""
        return self.reaches(address) or (self.loopback and address == str(_LOOPBACK))


def _is_public_name(host: str) -> bool:
    """Say whether `host` is a full name in lower-case ASCII, neither an address nor of a LAN."""
    found = _NAME.fullmatch(host)
    # A last label of digits, or 0x…, is some spelling of an IPv4 address (WHATWG URL, 3.5).
    if len(host) > 253 or found is None or found["top"][0].isdigit():  # noqa: PLR2004 - RFC 1035
        return False
    return not any(host == name or host.endswith("." + name) for name in _NOT_PUBLIC_NAMES)


def _reached(address: Address) -> Address:
    """Return whom `address` reaches: through NAT64 (RFC 6052), another than it says.

    It is how a network without IPv4 reaches those who have nothing else.
    """
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & _LAST_32_BITS)
    return address


def is_public(address: Address) -> bool:
    """Say whether `address` is one of the public Internet, one host's, and hides no other."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(_reached(address))
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)
