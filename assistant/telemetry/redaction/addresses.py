"""Finds e-mail addresses, logins in URLs, and addresses of networks and network cards."""

from __future__ import annotations

import string
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from assistant.telemetry.redaction.page import Page
from assistant.telemetry.redaction.patterns import Pattern
from assistant.telemetry.redaction.secrets import is_word

_ALNUM = string.ascii_letters + string.digits
_LOCAL = _ALNUM + "._%+-'!#$&*~^{}|"
_DOMAIN = _ALNUM + ".-"
_SCHEME = _ALNUM + "+.-"
_AUTHORITY = Pattern(r"[^\s\"'`<>\\/?#\x00-\x1f]*")
_WIDER = Pattern(r"[^\s\"'`<>\\\x00-\x1f]*")
_HEXES = string.hexdigits + ":."
_MAC_GROUPS = 6
_VERSIONS = ("version", "ver", "release", "build", "firmware", "sdk", "driver")


def find_email(page: Page, start: int, end: int) -> int:
    """Mark the e-mail address round the sign `@` (or its like) at `start:end`."""
    left = page.before(start, 64)
    local = left[len(left.rstrip(_LOCAL)) :].lstrip("'!#$&*~^{}|.%")
    if not local and left.endswith('"'):
        # A quoted local part may hold blanks: "ann lee"@example.org.
        opened = left.rstrip('\\"').rfind('"')
        local = left[opened:] if opened >= 0 else ""
    right = page.text[end : end + 255]
    if "thin:" in left:
        # jdbc:oracle:thin:user/password@host
        return page.mark(start - len(left) + left.rindex("thin:") + 5, start, "secret")
    if local and right.startswith(("tcp(", "unix(")):
        return page.mark(start - len(local), start, "secret")
    domain = right[: len(right) - len(right.lstrip(_DOMAIN))].rstrip(".-")
    name, dot, top = domain.rpartition(".")
    if not (local and name and dot and len(top) >= 2 and top.isalpha()):  # noqa: PLR2004 - as in .uk
        return _literal(page, start, end, local)
    return page.mark(start - len(local), end + len(domain), "email")


def _literal(page: Page, start: int, end: int, local: str) -> int:
    # ann@[192.0.2.1]
    close = page.text.find("]", end, end + 48)
    inner = page.text[end + 1 : close]
    if local and page.text[end : end + 1] == "[" and close > 0 and set(inner) <= set(_HEXES):
        return page.mark(start - len(local), close + 1, "email")
    return end


def find_login(page: Page, start: int, end: int) -> int:
    """Mark the user and the password of the URL whose `://` is at `start:end`."""
    if page.text[start - 1 : start] not in _SCHEME:
        return end
    stop = _AUTHORITY.end(page.data, end, min(page.size, end + 1024))
    at = page.text.rfind("@", end, stop)
    if at < 0 and ":" in page.text[end:stop]:
        # A password that was not encoded may hold a slash; then the last @ before a blank counts.
        wide = _WIDER.end(page.data, end, min(page.size, end + 256))
        at = page.text.rfind("@", end, wide)
        port = page.text[end:stop].rpartition(":")[2]
        at = -1 if port.isdigit() else at
    login = page.text[end:at] if at > end else ""
    if not login or login.startswith("[") or is_word(login):
        return end
    return page.mark(end, at, "secret")


class Networks:
    """Finds addresses of networks, but for the kinds that a policy keeps."""

    def __init__(self, keep: Collection[str]) -> None:
        self._keep = frozenset(keep)

    def find_v4(self, page: Page, start: int, end: int) -> int:
        """Mark the IPv4 address at `start:end`."""
        text = page.text
        before, after = text[max(0, start - 2) : start], text[end : end + 2]
        # Part of a longer number, or a version as in `Chrome/120.0.0.0` and `v1.2.3.4`.
        longer = before[-1:].isalnum() or before[-1:] in {".", "_", "-"} or after[:1].isalnum()
        told = page.before(start, 16).rstrip(" =:\"'v").lower().endswith(_VERSIONS)
        version = told or (before[-1:] == "/" and before[:1].isalpha())
        if longer or version or (after[:1] == "." and after[1:].isdigit()) or after[:1] == "_":
            return end
        return self._mark(page, start, end)

    def find_v6(self, page: Page, start: int, end: int) -> int:
        """Mark the IPv6 address, or the address of a network card, that begins at `start`."""
        left = page.before(start, 48)
        start -= len(left) - len(left.rstrip(string.hexdigits + ":"))
        right = page.text[end : end + 48]
        stop = end + len(right) - len(right.lstrip(_HEXES))
        shown = page.text[start:stop].rstrip(":.")
        stop = start + len(shown)
        around = page.text[max(0, start - 1) : start] + page.text[stop : stop + 1]
        if any(sign.isalnum() or sign == "_" for sign in around):
            return end
        groups = shown.replace("-", ":").split(":")
        if len(groups) == _MAC_GROUPS and all(len(group) == 2 for group in groups):  # noqa: PLR2004
            return page.mark(start, stop, "mac")
        if not any(map(str.isdigit, shown)) or len(groups) < 3:  # noqa: PLR2004 - `a::b` is code
            return end
        return max(end, self._mark(page, start, stop))

    def find_mac(self, page: Page, start: int, end: int) -> int:
        """Mark the network card's address at `start:end`."""
        around = page.text[max(0, start - 1) : start] + page.text[end : end + 1]
        if any(sign.isalnum() or sign in "_-." for sign in around.rstrip(".")):
            return end
        return page.mark(start, end, "mac")

    def _mark(self, page: Page, start: int, end: int) -> int:
        reach = _reach(page.text[start:end])
        return end if reach is None or reach in self._keep else page.mark(start, end, "ip")


def _reach(text: str) -> str | None:
    """Return how far an address reaches, None for what is no address."""
    if "." in text and ":" not in text and not all(int(part) < 256 for part in text.split(".")):  # noqa: PLR2004 - a byte
        return None
    try:
        address = _addresses(text)
    except ValueError:
        return None
    if address.is_loopback:
        return "loopback"
    if address.is_unspecified:
        return "unspecified"
    if address.is_link_local:
        return "link-local"
    return "private" if address.is_private else "public"


@lru_cache(maxsize=1024)
def _addresses(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)
