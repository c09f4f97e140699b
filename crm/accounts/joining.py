"""How an invited person gets in: a signed link that works once, for three days."""

from __future__ import annotations

import smtplib
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, User

log = structlog.get_logger()


class _JoinTokens(PasswordResetTokenGenerator):
    """Made of the account's state: setting the password, or signing in, spends the token."""

    key_salt = "crm.accounts.joining"


_tokens = _JoinTokens()


def join_link(membership: Membership) -> str:
    """The whole address that lets the invited person choose a password."""
    uid = urlsafe_base64_encode(str(membership.user_id).encode())
    path = reverse("join", args=[uid, _tokens.make_token(membership.user)])
    return f"{settings.PUBLIC_URL}{path}"


def invited_user(uid: str, token: str) -> User | None:
    """Whom the link is for; None when it is spent, too old or forged."""
    try:
        user = User.objects.get(pk=int(force_str(urlsafe_base64_decode(uid))), is_active=True)
    except (ValueError, OverflowError, User.DoesNotExist):
        return None
    return user if _tokens.check_token(user, token) else None


def invitation_send(*, membership: Membership, inviter: User) -> bool:
    """Whether the mail server took the invitation. Talks to it at once, so call it outside a transaction."""
    user, merchant = membership.user, membership.merchant
    knows_password = user.has_usable_password()
    context: dict[str, Any] = {
        "merchant": merchant,
        "inviter": inviter.get_full_name(),
        "link": f"{settings.PUBLIC_URL}/" if knows_password else join_link(membership),
        "knows_password": knows_password,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
    }
    with translation.override(user.language or merchant.locale):
        subject = _("%(inviter)s invites you to %(shop)s") % {
            "inviter": context["inviter"],
            "shop": merchant.name,
        }
        text = render_to_string("accounts/invitation.txt", context)
    try:
        send_mail(" ".join(subject.split()), text, None, [user.email])
    except (smtplib.SMTPException, OSError) as error:
        log.warning("invitation not sent", merchant=merchant.pk, user=user.pk, error=str(error))
        return False
    return True


@transaction.atomic
def user_join(*, user: User, name: str, password: str) -> None:
    """The account gets its name and first password. Raises ValidationError for a weak one."""
    user.name = name
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["name", "password"])
