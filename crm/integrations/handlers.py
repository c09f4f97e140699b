"""What is announced goes into the out-tray of each endpoint that wants it; invitations go into the outbox."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from crm.accounts import joining
from crm.accounts.events import INVITATION_ASKED
from crm.accounts.models import Membership, User
from crm.events.handling import on, on_every
from crm.events.models import Event
from crm.integrations import mail, webhooks
from crm.integrations.models import WebhookEndpoint
from crm.lib.tenancy import merchant_scope


def wanted(merchant_id: int, event_name: str) -> bool:
    """Whether any of the merchant's endpoints wants this kind of event. One indexed query."""
    with merchant_scope(merchant_id):
        return WebhookEndpoint.objects.filter(is_active=True, events__contains=[event_name]).exists()


@on_every(name="integrations.webhooks", wants=wanted)
def tell_endpoints(event: Event) -> None:
    webhooks.enqueue(event)


@on(INVITATION_ASKED, name="integrations.invitation")
def invite(event: Event) -> None:
    """One mail for each time that somebody asked; none when the member has left in the meantime."""
    member = (
        Membership.objects.select_related("user", "merchant")
        .filter(merchant=event.merchant_id, pk=event.subject_id or 0, is_active=True)
        .first()
    )
    if member is None:
        return
    subject, text = joining.invitation_text(membership=member, inviter=_name_of(event.actor))
    mail.post(
        merchant=member.merchant,
        to=member.user.email,
        subject=subject,
        text=text,
        purpose="invitation",
        dedupe_key=f"invitation:{event.pk}",
        expires_at=timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )


def _name_of(actor: str) -> str:
    """The colleague who invites; "" when a program does."""
    kind, _colon, pk = actor.partition(":")
    user = User.objects.filter(pk=int(pk)).first() if kind == "user" and pk.isdecimal() else None
    return user.get_full_name() if user else ""
