"""Which hosts may be asked, and which addresses may be connected to on their word (server-side request forgery).

A host is configured by an operator and may be anywhere. Where a configured host sends us on, by a redirect, only
public addresses are connected to, and addresses of the same reach as its own: a mirror in a private network may
send us to its storage beside it, the public Hub may not.
"""

import enum
import ipaddress
import socket
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from registry.sources import base

PORTS = {"http": 80, "https": 443}
# Where clouds hand out the machine's own credentials; no source of models lives there.
METADATA = frozenset({"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"})
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[..., Sequence[tuple[Any, ...]]]


class AddressRefused(base.SourceRefused):
    """The source sends us to an address that it has no business with."""

    code = "address_refused"


class HostNotConfigured(base.SourceRefused):
    """No operator has said that this host may be asked."""

    code = "host_not_configured"


class HostUnknown(OSError):
    """The name has no address at present."""


class Reach(enum.IntEnum):
    """From where an address can be reached; `NEVER` is for what no source of models is."""

    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    LINK_LOCAL = 3
    NEVER = 4


class Origin(NamedTuple):
    """Scheme, host and port: what decides whom a header may be shown to."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """The origin of an address; raises `AddressRefused` for anything but plain http:// or https://."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused(f"{shown(url)} is not an address that can be asked.") from None
    has_odd_characters = not url.isascii() or any(ord(c) <= 32 or c in '\\"<>^`{|}\x7f' for c in url)
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or has_odd_characters or port == 0:
        raise AddressRefused(
            f"{shown(url)} is not a plain http:// or https:// address, so it is not asked. "
            "Names of users and passwords do not belong into an address."
        )
    return Origin(parts.scheme, host, port or PORTS[parts.scheme])


def require_configured(url: str, hosts: Sequence[str]) -> Origin:
    """Raise `HostNotConfigured` unless `hosts` (each `host`, or `host:port` for another port) names this one."""
    origin = origin_of(url)
    if origin.name not in {host.strip().lower() for host in hosts}:
        raise HostNotConfigured(
            f"{origin.name} is not among the hosts that may be asked for models. An operator can add it to "
            "SOURCE_HOSTS.",
            field="source",
        )
    return origin


def shown(url: str) -> str:
    """An address for messages: short, printable, without its query, which may hold a signature."""
    text = url.partition("?")[0].partition("#")[0]
    rest = text.rpartition("@")[2] if "@" in text.partition("//")[2].partition("/")[0] else text
    return ascii(rest[:200])[1:-1]


def reach_of(text: str) -> Reach:
    """How far an address reaches; one that carries an IPv4 address within is judged by that too."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return Reach.NEVER
    if str(address) in METADATA:
        return Reach.NEVER
    carried = _carried(address)
    return _plain_reach(address) if carried is None else reach_of(str(carried))


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _plain_reach(address: Address) -> Reach:
    if address.is_multicast or address.is_unspecified:
        return Reach.NEVER
    if address.is_loopback:
        return Reach.LOOPBACK
    if address.is_link_local:
        return Reach.LINK_LOCAL
    if address.is_reserved or (address.version == 4 and int(address) < 1 << 24):  # 0.0.0.0/8: this host
        return Reach.NEVER
    is_local = isinstance(address, ipaddress.IPv6Address) and (
        address.is_site_local or address in LOCAL_NAT64
    )
    return Reach.PUBLIC if address.is_global and not is_local else Reach.PRIVATE


class Guard:
    """What one configured origin may make us connect to."""

    def __init__(self, url: str, *, resolve: Resolver = socket.getaddrinfo) -> None:
        self.origin = origin_of(url)
        self._resolve = resolve
        self._reach = Reach.PUBLIC  # until it has been connected to

    def check(self, target: Origin) -> None:
        """Raise `AddressRefused` for a step down from https://, or an address that is refused as it is written."""
        if self.origin.scheme == "https" and target.scheme != "https":
            raise AddressRefused(
                f"{self.origin.name} sends us to {target.name} without encryption; that is refused."
            )
        if _is_literal(target.host):
            self.admit(target.host, port=target.port, addresses=[target.host])

    def addresses(self, host: str, port: int) -> list[str]:
        """What a name stands for now: connect to one of exactly these, so that no second look-up can differ.

        Raises `AddressRefused`, and `HostUnknown` where the name has no address.
        """
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise HostUnknown(f"the name {host} cannot be resolved: {error}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses:
            raise HostUnknown(f"the name {host} has no address")
        self.admit(host, port=port, addresses=addresses)
        return addresses

    def admit(self, host: str, *, port: int, addresses: Sequence[str]) -> None:
        """Raise `AddressRefused` if one of the addresses of a host may not be connected to."""
        worst = max(reach_of(address) for address in addresses)
        if (host.lower(), port) == (self.origin.host, self.origin.port):
            self._reach = worst
        elif worst is Reach.NEVER or worst not in {Reach.PUBLIC, self._reach}:
            raise AddressRefused(
                f"{self.origin.name} sends us to {host}, which is an address inside a network "
                f"({worst.name.lower().replace('_', '-')}); that is refused."
            )


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
