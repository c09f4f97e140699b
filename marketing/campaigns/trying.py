"""Test sends: who may get one, how many an hour, and the record of it.

A mail that anybody could be sent would make of the shop's good name a relay, so tests of mails go to those
who work in the shop. Carriers take money for each SMS, and nobody knows which numbers are the staff's: those
go to any number, but few an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib.errors import Rejected, TooMany, Upstream
from crm.lib.throttle import count_up
from customers.models import Customer
from marketing.campaigns import events, testing, texts
from marketing.models import Campaign

TASK = "marketing.send_test"
MOST = 5
HOUR = 3600
# Messages an hour: of one member, and of the whole shop with its programs.
PER_MEMBER = {True: 30, False: 10}
PER_SHOP = {True: 100, False: 30}


def campaign_try(
    *,
    merchant: Merchant,
    campaign: Campaign,
    to: Sequence[str],
    customer: Customer | None = None,
    letter: str = "",
    actor: Membership,
) -> list[str]:
    """Sends it by the campaign's own way to these few, as that customer would get that version; tells where
    it went. Outside any transaction.

    Raises Rejected for a message that can't be made, and for addresses of strangers; TooMany; Upstream when
    somebody's was not taken, after the others have gone.
    """
    targets = _targets(merchant, campaign, to)
    send = _sender(merchant, campaign, customer, letter)
    _count(campaign, len(targets), actor)
    _hand_over(campaign, targets, send)
    return targets


def campaign_try_soon(
    *, merchant: Merchant, campaign: Campaign, to: Sequence[str], letter: str = ""
) -> list[str]:
    """The same for a program, by a worker after the commit. Raises all but Upstream."""
    targets = _targets(merchant, campaign, to)
    _sender(merchant, campaign, None, letter)
    _count(campaign, len(targets), None)
    transaction.on_commit(partial(ring_task, TASK, [merchant.pk, campaign.pk, targets, letter]))
    return targets


def campaign_try_now(*, merchant: Merchant, campaign: Campaign, to: Sequence[str], letter: str) -> None:
    """What `campaign_try_soon` promised. Raises Rejected, Upstream."""
    _hand_over(campaign, _targets(merchant, campaign, to), _sender(merchant, campaign, None, letter))


def _sender(merchant: Merchant, campaign: Campaign, customer: Customer | None, letter: str) -> testing.Send:
    if campaign.is_mail:
        return testing.sender(merchant=merchant, campaign=campaign, customer=customer, letter=letter)
    return texts.sender(merchant=merchant, campaign=campaign, customer=customer)


def _hand_over(campaign: Campaign, targets: Sequence[str], send: testing.Send) -> None:
    troubles = send(targets)
    if taken := len(targets) - len(troubles):
        _note(campaign, taken)
    if troubles:
        text = _("It was not taken for %(to)s: %(words)s") % {"to": troubles[0][0], "words": troubles[0][1]}
        raise Upstream(text, retryable=True)


def _targets(merchant: Merchant, campaign: Campaign, to: Sequence[str]) -> list[str]:
    given = [each.strip() for each in to if each.strip()]
    if not campaign.is_mail:
        given = [texts.target(merchant, campaign, each) for each in given]
    targets = list(dict.fromkeys(given))
    if not targets:
        raise _refused(_("Enter where the test goes."), "bad_address")
    if len(targets) > MOST:
        raise _refused(_("A test goes to %(n)s at most.") % {"n": MOST}, "too_many_addresses")
    if campaign.is_mail:
        staff = {email.casefold() for email in staff_addresses(merchant)}
        if strangers := [each for each in targets if each.casefold() not in staff]:
            text = _("%(to)s does not work in this shop. Tests go to colleagues only: invite them.")
            raise _refused(text % {"to": strangers[0]}, "not_staff")
    return targets


def staff_addresses(merchant: Merchant) -> list[str]:
    """Of everybody who works in the shop. One query."""
    members = Membership.objects.filter(merchant=merchant, is_active=True, user__is_active=True)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def _refused(text: str, code: str) -> Rejected:
    return Rejected(text, code=code, fields={"to": [text]})


def _count(campaign: Campaign, messages: int, actor: Membership | None) -> None:
    way = "mail" if campaign.is_mail else "text"
    limits = [(f"shop:{campaign.merchant_id}", PER_SHOP[campaign.is_mail])]
    if actor is not None:
        limits.append((f"member:{actor.pk}", PER_MEMBER[campaign.is_mail]))
    for who, limit in limits:
        for _each in range(messages):
            if count_up(f"tests:{way}:{who}", seconds=HOUR) > limit:
                raise TooMany(_("Many tests were sent in the last hour. Wait a little."))


@transaction.atomic
def _note(campaign: Campaign, taken: int) -> None:
    data = {"campaign": campaign.name, "people": taken}
    emit(events.TEST_SENT, merchant=campaign.merchant_id, subject=campaign, data=data)
