"""What customers take of what comes in by carriers: that somebody wants no more messages."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.integrations.messengers.items import OptOut
from crm.integrations.models import Connection
from crm.integrations.registry import register
from customers.consent import consent_record, suppress
from customers.models import Customer, Identity, Suppression
from customers.models.consent import Channel

KINDS = {Channel.SMS: Identity.Kind.PHONE, Channel.WECHAT: Identity.Kind.WECHAT_OPENID}


def take_opt_out(connection: Connection, item: OptOut, backfill: bool) -> str:
    """Withdraws the consent of everybody who is known by that number or openid. A number that nobody is known
    by goes on the suppression list: its owner may still be written to later otherwise."""
    people = list(owners(connection, item))
    proof = {"message_id": item.message_id, "text": item.text[:100]}
    for customer in people:
        consent_record(
            merchant=connection.merchant,
            customer=customer,
            channel=item.channel.value,
            granted=False,
            source="reply",
            proof=proof,
        )
    if people:
        return _("Withdrawn: %(people)s") % {"people": ", ".join(f"#{one.pk}" for one in people)}
    if not item.sender:
        return _("It names nobody.")
    suppress(
        merchant=connection.merchant,
        channel=item.channel.value,
        value=item.sender,
        reason=Suppression.Reason.MANUAL,
        note=_("Answered “%(text)s”") % {"text": item.text[:100]},
    )
    return _("Nobody is known by it; it is on the suppression list now.")


def owners(connection: Connection, item: OptOut) -> QuerySet[Customer]:
    """Who has it as an identity (an openid only of this account) or, for a phone, as their own number."""
    known = Identity.objects.filter(kind=KINDS[Channel(item.channel.value)], value=item.sender)
    if item.channel.value == Channel.WECHAT:
        known = known.filter(scope__in=("", connection.secrets().get("app_id", "")))
    people = Customer.objects.filter(pk__in=known.values("customer_id"))
    if item.channel.value == Channel.SMS and item.sender:
        people = people | Customer.objects.filter(phone=item.sender)
    return people.filter(erased_at__isnull=True).order_by("pk")


register(OptOut, take_opt_out)
