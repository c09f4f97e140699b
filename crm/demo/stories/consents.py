"""What the demo shop asks its customers with, who said yes how, and who has not confirmed yet."""

from __future__ import annotations

from crm.accounts.models import Membership, Merchant
from crm.events.actor import acting
from customers.confirming.services import confirmation_ask, confirmation_give
from customers.consent import consent_record, suppress
from customers.models import ConsentWording, Customer, Suppression
from customers.models.wording import Channel, Purpose
from customers.retention.services import rule_set
from customers.wordings.services import consent_settings_save, wording_write

# (language, text), in the order in which the shop wrote them
TEXTS = [
    ("zh-hans", "我同意观喜茶舍通过电子邮件向我发送新茶上市与优惠信息。"),
    ("en", "Yes, Guanxi Tea may send me news of new teas and offers by e-mail."),
    (
        "zh-hans",
        "我同意观喜茶舍每月最多两次通过电子邮件向我发送新茶上市与优惠信息。我可以随时在偏好设置或邮件底部的链接中撤回。",
    ),
]
PHONE = {"ip": "203.0.113.24", "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"}
DESK = {"ip": "198.51.100.61", "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/131.0"}


def consents_write(*, merchant: Merchant, manager: Membership, agent: Membership) -> None:
    """Four people who were never asked: one confirmed by mail, one at the counter, two still to confirm."""
    with acting(f"user:{manager.user_id}"):
        consent_settings_save(merchant=merchant, double_opt_in=True)
        written = [
            wording_write(
                merchant=merchant,
                channel=Channel.EMAIL,
                purpose=Purpose.MARKETING,
                language=language,
                text=text,
            )
            for language, text in TEXTS
        ]
        for key, months in (("accounts.notices", 12), ("marketing.tracking", 24), ("events.log", 36)):
            rule_set(merchant=merchant, key=key, months=months)
    _suppressed(merchant, manager)
    unasked = Customer.objects.present().exclude(email="").filter(consents__isnull=True).order_by("pk")
    people = list(unasked[:4])
    for person in people[:3]:
        _ask(merchant, person, written[-1])
    if people:
        _confirm(merchant, people[0], written[-1])
    if len(people) == 4:
        _at_the_counter(merchant, people[3], agent, written[-1])


# (reason, why, how many)
SUPPRESSED = [
    (Suppression.Reason.BOUNCE, "5.1.1", 6),
    (Suppression.Reason.BOUNCE, "5.1.2", 2),
    (Suppression.Reason.COMPLAINT, "Gmail", 2),
    (Suppression.Reason.MANUAL, "Asked on the phone never to be written to", 1),
]


def _suppressed(merchant: Merchant, manager: Membership) -> None:
    """Some of those who said no already, so that no story loses its reader, and two strangers by hand."""
    gone = Customer.objects.present().exclude(email="").filter(consents__holds=True, consents__granted=False)
    people = iter(gone.order_by("-pk").distinct()[:20])
    for reason, note, count in SUPPRESSED:
        for _number, person in zip(range(count), people, strict=False):
            with acting(f"user:{manager.user_id}" if reason == Suppression.Reason.MANUAL else ""):
                suppress(
                    merchant=merchant,
                    channel=Channel.EMAIL,
                    value=person.email,
                    reason=reason,
                    note=note,
                    customer=person,
                )
    with acting(f"user:{manager.user_id}"):
        for address in ("orders@rival-tea.example", "press@rival-tea.example"):
            suppress(merchant=merchant, channel=Channel.EMAIL, value=address, reason="manual", note="同行")


def _ask(merchant: Merchant, person: Customer, wording: ConsentWording) -> None:
    with acting(f"customer:{person.pk}"):
        confirmation_ask(merchant=merchant, customer=person, source="portal", wording=wording, proof=PHONE)


def _confirm(merchant: Merchant, person: Customer, wording: ConsentWording) -> None:
    """Asked on the phone, confirmed at the desk."""
    with acting(f"customer:{person.pk}"):
        asked = person.consent_requests.get(wording=wording)
        confirmation_give(request=asked, proof=DESK)


def _at_the_counter(merchant: Merchant, person: Customer, agent: Membership, wording: ConsentWording) -> None:
    with acting(f"user:{agent.user_id}"):
        consent_record(
            merchant=merchant,
            customer=person,
            channel=Channel.EMAIL,
            granted=True,
            source="counter",
            wording=wording,
            proof={"user": agent.user_id, "note": "门店柜台签字表 2026-11，第 3 夹 Signed form, folder 3"},
        )
