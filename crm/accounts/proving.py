"""Is it still the person who signed in? What matters asks for the password, or a code, of the last
minutes."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.lib.errors import Forbidden

# Long enough to fill in a form, short enough that an unlocked screen at lunch is worth nothing.
PROOF_SECONDS = 300
# What counts: something that only the person knows or holds.
METHODS = ("password", "mfa")


def has_proved(request: HttpRequest) -> bool:
    """Whether the session saw the user's password or a code of their second factor within five minutes."""
    records = get_authentication_records(request, request.user)
    border = time.time() - PROOF_SECONDS
    return any(one.get("method") in METHODS and border < one.get("at", 0) for one in records)


def prove(request: HttpRequest, *, back: str) -> HttpResponseRedirect:
    """Asks for the password (or a code instead), then leads back. Raises Forbidden for who has neither."""
    user = request.user
    if not user.is_authenticated or not user.has_usable_password():
        raise Forbidden(_("Choose a password first, so that we can ask whether it is you."))
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")
