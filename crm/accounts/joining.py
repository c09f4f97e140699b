"""How an invited person gets in: a signed link that works once, for three days."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from crm.accounts.events import INVITATION_ASKED
from crm.accounts.models import Membership, Merchant, User
from crm.accounts.services import member_add
from crm.events.emitting import emit
from crm.lib.errors import TooMany
from crm.lib.throttle import count_up

# Before a link is looked at. Whoever was invited needs two; an office shares one address.
TRIES_PER_MINUTE = 20


class _JoinTokens(PasswordResetTokenGenerator):
    """Made of the account's state: setting the password, or signing in, spends the token."""

    key_salt = "crm.accounts.joining"


_tokens = _JoinTokens()


def join_link(membership: Membership) -> str:
    """The whole address that lets the invited person choose a password."""
    uid = urlsafe_base64_encode(str(membership.user_id).encode())
    path = reverse("join", args=[uid, _tokens.make_token(membership.user)])
    return f"{settings.PUBLIC_URL}{path}"


def check_tries(*, ip: str | None) -> None:
    """Raises TooMany when this address has tried links too often within a minute."""
    if count_up(f"join:{ip}", seconds=60) > TRIES_PER_MINUTE:
        raise TooMany(code="join_throttled")


def invited_user(uid: str, token: str) -> User | None:
    """Whom the link is for; None when it is spent, too old or forged."""
    try:
        user = User.objects.get(pk=int(force_str(urlsafe_base64_decode(uid))), is_active=True)
    except (ValueError, OverflowError, User.DoesNotExist):
        return None
    return user if _tokens.check_token(user, token) else None


@transaction.atomic
def member_invite(*, merchant: Merchant, **fields: Any) -> Membership:
    """The new member, and their invitation in the same transaction. Raises Conflict when they work here."""
    membership = member_add(merchant=merchant, **fields)
    invitation_ask(membership=membership)
    return membership


@transaction.atomic
def invitation_ask(*, membership: Membership) -> None:
    """Owes the member an invitation: crm/integrations/handlers.py puts it into the outbox, which keeps trying
    for a day when the mail server is away."""
    emit(
        INVITATION_ASKED,
        merchant=membership.merchant_id,
        subject=membership,
        data={"email": membership.user.email},
    )


def invitation_text(*, membership: Membership, inviter: str) -> tuple[str, str]:
    """Subject and body in the invited person's language; the link in it is made now and lasts three days."""
    user, merchant = membership.user, membership.merchant
    knows_password = user.has_usable_password()
    context: dict[str, Any] = {
        "merchant": merchant,
        "inviter": inviter or merchant.name,
        "link": f"{settings.PUBLIC_URL}/" if knows_password else join_link(membership),
        "knows_password": knows_password,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
    }
    with translation.override(user.language or merchant.locale):
        subject = _("%(inviter)s invites you to %(shop)s") % {
            "inviter": context["inviter"],
            "shop": merchant.name,
        }
        return subject, render_to_string("accounts/invitation.txt", context)


@transaction.atomic
def user_join(*, user: User, name: str, password: str) -> None:
    """The account gets its name and first password. Raises ValidationError for a weak one."""
    user.name = name
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["name", "password"])
