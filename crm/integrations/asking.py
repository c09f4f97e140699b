"""Whether something answers at an address of the web: asked politely, bounded in bytes, time, redirects."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import HTTPError

from crm.integrations import http

CONNECT_SECONDS, READ_SECONDS = 4, 6
# One address with all its redirects.
LINK_SECONDS = 12.0
REDIRECTS = 5
# Pages stand at these; a lower one is somebody's mail server or database.
LOW_PORTS = {80, 443}
LOWEST_FREE_PORT = 1024
GONE_CODES = {404, 410}


class Finding(StrEnum):
    FINE = "fine"
    MOVED = "moved"  # it answers elsewhere
    GONE = "gone"
    REFUSED = "refused"  # it answers, but not to a program: a login, a firewall
    FAULT = "fault"
    CERTIFICATE = "certificate"
    NO_NAME = "no_name"
    NO_ANSWER = "no_answer"
    PRIVATE = "private"
    ROUND = "round"  # redirects without an end
    NO_ADDRESS = "no_address"


@dataclass(frozen=True)
class Found:
    """`status` is the last answer's, 0 without one; `target` where redirects led, "" when nowhere else."""

    finding: Finding
    status: int = 0
    target: str = ""


def session() -> requests.Session:
    """The house's guarded line, with our name and where to ask about us."""
    return http.session(user_agent=f"{http.USER_AGENT} (link check; +{settings.PUBLIC_URL})")


def ask(url: str, *, client: requests.Session, until: float) -> Found:
    """What stands there, asked by HEAD and, where that is refused, by GET, whose body is not read. `until` is
    an instant of `time.monotonic`. Each redirect is asked behind the same guard as the first address. Raises
    nothing that the other side causes."""
    until = min(until, time.monotonic() + LINK_SECONDS)
    at = url
    for _hop in range(REDIRECTS + 1):
        if not is_askable(at):
            # Shops send telephones into their app by such an address.
            app = at != url and bool(urlsplit(at).scheme) and not at.lower().startswith("http")
            return Found(Finding.MOVED if app else Finding.NO_ADDRESS, target=_elsewhere(url, at))
        try:
            status, onward = _knock(client, at, until)
        except Exception as error:
            if (finding := _finding_of(error)) is None:
                raise
            return Found(finding, target=_elsewhere(url, at))
        if not onward:
            return Found(_finding(status, moved=at != url), status, _elsewhere(url, at))
        at = urljoin(at, onward)
    return Found(Finding.ROUND, target=_elsewhere(url, at))


def is_askable(url: str) -> bool:
    """Whether it is an address of the web, at a place where pages stand."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(ord(c) <= 32 for c in url):
        return False
    return port is None or port in LOW_PORTS or port >= LOWEST_FREE_PORT


def _knock(client: requests.Session, url: str, until: float) -> tuple[int, str]:
    """(status, where it sends us on): of HEAD, or of GET where HEAD brought no good answer."""
    try:
        status, onward = _request(client, "HEAD", url, until)
        if status < 400:
            return status, onward
    except (requests.ConnectionError, requests.ReadTimeout) as error:
        # Some servers hang up on HEAD. Where nobody was reached, GET reaches nobody either.
        if http.unreached(error) or isinstance(error, requests.exceptions.SSLError):
            raise
    return _request(client, "GET", url, until)


def _request(client: requests.Session, method: str, url: str, until: float) -> tuple[int, str]:
    left = until - time.monotonic()
    if left <= 0:
        raise requests.ReadTimeout("the time for this address is over")
    timeout = (min(CONNECT_SECONDS, left), min(READ_SECONDS, left))
    with client.request(method, url, timeout=timeout, stream=True) as response:
        return response.status_code, client.get_redirect_target(response) or ""


def _finding(status: int, *, moved: bool) -> Finding:
    if status >= 500:
        return Finding.FAULT
    if status in GONE_CODES:
        return Finding.GONE
    if status >= 400:
        return Finding.REFUSED
    return Finding.MOVED if moved else Finding.FINE


def _finding_of(error: Exception) -> Finding | None:
    """What a failed request says of the address; None when the failure is the program's own."""
    if isinstance(error, InvalidIPAddress):
        return Finding.PRIVATE
    if isinstance(error, requests.exceptions.SSLError):
        return Finding.CERTIFICATE
    if isinstance(error, requests.ConnectionError) and isinstance(error.__cause__, socket.gaierror):
        return Finding.NO_NAME
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError)):
        return Finding.NO_ADDRESS
    if isinstance(error, (requests.RequestException, HTTPError, OSError)):
        return Finding.NO_ANSWER
    return None


def _elsewhere(url: str, at: str) -> str:
    return at[:2000] if at != url else ""
