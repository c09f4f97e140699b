"""Is it still the person who signed in? What matters asks for the password of the last minutes, or for a code
of who has a second factor: a password alone would not have let them in either."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.lib.errors import Forbidden

# Long enough to fill in a form, short enough that an unlocked screen at lunch is worth nothing.
PROOF_SECONDS = 300
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_proved(request: HttpRequest) -> bool:
    """Whether the session saw the user's password within five minutes; of who has a second factor, that."""
    wanted = "mfa" if _has_second_factor(request) else "password"
    records = get_authentication_records(request, request.user)
    border = time.time() - PROOF_SECONDS
    return any(one.get("method") == wanted and border < one.get("at", 0) for one in records)


def prove(request: HttpRequest, *, back: str) -> HttpResponseRedirect:
    """Asks for the second factor where there is one, else for the password, then leads back. Raises Forbidden
    for who has neither."""
    user = request.user
    if _has_second_factor(request):
        door = "mfa_reauthenticate"
    elif user.is_authenticated and user.has_usable_password():
        door = "account_reauthenticate"
    else:
        raise Forbidden(_("Choose a password first, so that we can ask whether it is you."))
    return HttpResponseRedirect(f"{reverse(door)}?{urlencode({'next': back})}")


def _has_second_factor(request: HttpRequest) -> bool:
    return request.user.is_authenticated and is_mfa_enabled(request.user, types=SECOND_FACTORS)
