"""Requests to addresses that strangers chose: pinned to a public address, bounded in time and size."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import requests
from django.conf import settings
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, NewConnectionError

from crm.lib.errors import Upstream

CONNECT_SECONDS, READ_SECONDS = 5, 15
# A page of 250 fat orders; more is not an answer but an attack.
LARGEST_ANSWER = 20 * 2**20
USER_AGENT = "Guanxi/1"
# The code of an Upstream when nothing of the request can have left.
UNREACHED = "unreached"


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


def session(*, user_agent: str = USER_AGENT) -> requests.Session:
    """No redirects, no proxies or netrc of the environment; names resolve once, to a public address that
    is then connected to, so that a second look-up can't lead inside. Loopback by OUTGOING_ALLOW_LOOPBACK."""
    made: requests.Session = HTTPSession(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=settings.OUTGOING_ALLOW_LOOPBACK,
            never_redirect=True,
            default_timeout=(CONNECT_SECONDS, READ_SECONDS),
            user_agent_override=user_agent,
        )
    )
    made.trust_env = False
    return made


def send(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    data: bytes | None = None,
    params: dict[str, Any] | None = None,
    auth: tuple[str, str] | None = None,
    largest: int = LARGEST_ANSWER,
    cut: bool = False,
    client: requests.Session | None = None,
) -> Answered:
    """The answer, whatever its status. `cut` keeps the first `largest` bytes of a longer one; a `client` made
    by `session()` keeps its line open and stays the caller's.

    Raises Upstream, retryable unless the address itself is not allowed; its code is UNREACHED when nothing
    can have left.
    """
    began = time.monotonic()
    headers = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        with (
            contextlib.nullcontext(client) if client else session() as line,
            line.request(
                method, url, headers=headers, data=data, params=params, auth=auth, stream=True
            ) as response,
        ):
            body = response.raw.read(largest + 1, decode_content=False)
            if len(body) > largest and not cut:
                raise Upstream(
                    f"The answer is larger than {largest} bytes.", retryable=False, code="too_large"
                )
            answer_headers = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status_code, answer_headers, body[:largest], time.monotonic() - began)
    except InvalidIPAddress as error:
        text = "The address leads to a private network, which is not allowed."
        raise Upstream(text, retryable=False, code="private_address") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as error:
        raise Upstream(f"The address can't be used: {error}", retryable=False) from error
    except (requests.RequestException, HTTPError, OSError) as error:
        code = UNREACHED if unreached(error) else ""
        raise Upstream(f"{type(error).__name__}: {error}"[:300], retryable=True, code=code) from error


def unreached(error: BaseException) -> bool:
    """Whether nothing of the request can have left: no name, no line, or a certificate that is not theirs."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    seen: list[object] = [error, *getattr(error, "args", ()), error.__cause__, error.__context__]
    reasons = [one.reason for one in seen if isinstance(one, MaxRetryError)]
    # The guard resolves names itself, so a name that there is not comes as the resolver's own error.
    early = (
        *(NewConnectionError, NameResolutionError, socket.gaierror),
        *(ssl.SSLCertVerificationError, InvalidIPAddress),
    )
    return any(
        isinstance(one, early) or any(isinstance(arg, early) for arg in getattr(one, "args", ()))
        for one in [*seen, *reasons]
    )
