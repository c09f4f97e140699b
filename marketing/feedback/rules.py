"""What follows from a mail that came back: for good at once, for now after so many, else nothing."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from customers.consent import address_digest, suppress
from customers.models import Suppression
from marketing.feedback.grading import Grade
from marketing.models import Delivery, SoftBounce
from marketing.sending.checking import policy_of


def act(*, merchant: Merchant, delivery: Delivery, given: Grade, code: str) -> str:
    """What became of the address, in words for staff. In the caller's transaction."""
    if given is Grade.BLOCKED:
        return _("The receiving side did not want this mail. The address stays as it is.")
    if not delivery.address:
        return _("The address had its time.")
    if given is Grade.HARD:
        _suppress(merchant, delivery, code)
        return _("Nobody is there: nobody writes to this address any more.")
    return _count(merchant, delivery, code)


def _suppress(merchant: Merchant, delivery: Delivery, code: str) -> None:
    channel = delivery.channel
    suppress(
        merchant=merchant,
        channel=channel,
        value=delivery.address,
        reason=Suppression.Reason.BOUNCE,
        note=code[:40],
        customer=delivery.reader,
    )
    # Who is taken off the list later begins anew.
    SoftBounce.objects.filter(channel=channel, digest=address_digest(delivery.address)).delete()


def _count(merchant: Merchant, delivery: Delivery, code: str) -> str:
    policy = policy_of(merchant)
    channel, digest = delivery.channel, address_digest(delivery.address)
    SoftBounce.objects.get_or_create(
        merchant=merchant,
        delivery=delivery,
        defaults={"channel": channel, "digest": digest, "at": timezone.now()},
    )
    since = timezone.now() - timedelta(days=policy.soft_days)
    count = SoftBounce.objects.filter(channel=channel, digest=digest, at__gte=since).count()
    if not policy.soft_bounces or count < policy.soft_bounces:
        return _("Not delivered for now; %(n)s such mails lately.") % {"n": count}
    _suppress(merchant, delivery, code)
    return _("Not delivered %(n)s times: nobody writes to this address any more.") % {"n": count}


def forget_old(*, merchant: Merchant) -> int:
    """Soft bounces that no rule looks at any more; how many went."""
    border = timezone.now() - timedelta(days=max(policy_of(merchant).soft_days, 365))
    return int(SoftBounce.objects.filter(at__lt=border).delete()[0])
