"""Segments, and campaigns that went out and came back."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from crm.accounts.models import Membership, Merchant
from crm.lib.copying import copy_rows, reserve_ids
from customers.models import Customer
from marketing.campaigns.attribution import attribute
from marketing.campaigns.services import campaign_create
from marketing.campaigns.starters import starter_of
from marketing.domains.counting import count
from marketing.models import Campaign, Delivery, Engagement, Link, Segment, SegmentMember, Version
from marketing.segments.catalogue import STARTERS
from marketing.segments.pinning import members_pin
from marketing.segments.refreshing import segment_refresh
from marketing.segments.services import segment_save
from marketing.sending.content import bound
from marketing.sending.content import versions as versions_written
from orders.models import Order

# (name, subject, words, days ago, share opened, share of openers who clicked, share unsubscribed)
SENT = [
    (
        "双十一预热 11.11 preview",
        "{{ customer.name }}，双十一专享价提前看",
        (
            "双十一前三天，明前龙井、铁观音与宜兴紫砂壶先给老朋友。您已有 {{ customer.points }} 积分，结账时可以直接使用。<br><br>"
            "Three days before 11.11 our friends choose first: Longjing, Tieguanyin and Yixing teapots."
        ),
        *(16, 0.46, 0.22, 0.004),
    ),
    (
        "Autumn oolong has arrived",
        "New: this autumn's Tieguanyin",
        (
            "the autumn harvest from Anxi is here: lightly roasted, with the scent of orchids. "
            "We tasted eleven lots and kept two. They are small, so the shop shows how many tins are left."
        ),
        *(41, 0.39, 0.17, 0.006),
    ),
]


# The first campaign tried another subject, which was opened a little more, and held some people out.
OTHER_SUBJECT = "🍵 11.11 前三天，先给老朋友"
MORE_OPENED = 1.15
HELD_OUT = 0.05
DEVICES = ("phone", "phone", "phone", "phone", "desktop", "desktop", "tablet", "")
# Orders looked through for what they followed; a big shop shows enough with these.
ORDERS_SEEN = 3_000


def mailings_write(*, merchant: Merchant, marketer: Membership, now: datetime, seed: str) -> None:
    """Four segments and a list by hand, two sent campaigns with what came back, one draft."""
    segments = [
        segment_save(merchant=merchant, name=str(one.name), definition=one.definition, actor=marketer)
        for one in STARTERS
    ]
    for segment in segments:
        segment_refresh(segment=segment)
    _guests(merchant, marketer, segments[0])
    for at, sent in enumerate(SENT):
        name, subject, words, days, *_shares = sent
        body = starter_of(merchant, words=words).body
        campaign = campaign_create(
            merchant=merchant,
            name=name,
            actor=marketer,
            values={"audience": Campaign.Audience.EVERYONE, "subject": subject, "body": body},
        )
        started = now - timedelta(days=days, hours=3)
        Campaign.objects.filter(pk=campaign.pk).update(
            state=Campaign.State.SENT,
            created_at=started - timedelta(days=1),
            started_at=started,
            frozen_at=started,
            finished_at=started + timedelta(minutes=2),
        )
        if at == 0:
            Version.objects.create(merchant=merchant, campaign=campaign, letter="B", subject=OTHER_SUBJECT)
            Campaign.objects.filter(pk=campaign.pk).update(holdout_percent=HELD_OUT * 100)
        _came_back(merchant, campaign, started, sent, Random(f"{seed}:mail:{at}"))
        count(campaign)
        campaign.refresh_from_db()
        _followed_by_orders(campaign)
    campaign_create(
        merchant=merchant,
        name="给老客户的感谢 Thank you",
        actor=marketer,
        segment=segments[0],
    )


def _bounce(luck: float) -> tuple[str, str]:
    """What came back: nobody there, a full mailbox, a server that disliked the mail, or nothing."""
    if luck < 0.012:
        return "hard", "5.1.1"
    if luck < 0.018:
        return "soft", "5.2.2"
    return ("blocked", "5.7.1") if luck < 0.02 else ("", "")


def _guests(merchant: Merchant, marketer: Membership, loyal: Segment) -> None:
    """Who comes to the tasting stands on a list; one loyal customer wants none of the loyal's mails."""
    guests = segment_save(
        merchant=merchant, name="秋茶品鉴会 Tasting guests", kind="list", definition=None, actor=marketer
    )
    segment_refresh(segment=guests)
    best = Customer.objects.present().order_by("-metrics__net", "pk").values_list("pk", flat=True)
    guests.refresh_from_db()
    members_pin(segment=guests, customer_ids=list(best[:12]), state="in", actor=marketer)
    spared = SegmentMember.objects.filter(segment=loyal).order_by("customer_id").first()
    if spared is not None:
        loyal.refresh_from_db()
        members_pin(segment=loyal, customer_ids=[spared.customer_id], state="out", actor=marketer)


def _came_back(
    merchant: Merchant,
    campaign: Campaign,
    started: datetime,
    sent: tuple[str, str, str, int, float, float, float],
    rng: Random,
) -> None:
    """Delivery rows and engagements as the sending and tracking would have written them."""
    _name, _subject, _words, _days, opened_share, clicked_share, left_share = sent
    people = list(
        Customer.objects.filter(
            consents__channel="email",
            consents__purpose="marketing",
            consents__granted=True,
            created_at__lt=started,
        )
        .exclude(email="")
        .order_by("pk")
        .distinct()
        .values_list("pk", "email")[:20_000]
    )
    versions = ["A", "B"] if campaign.versions.exists() else [""]
    links = _links(merchant, campaign)
    first = reserve_ids(Delivery, len(people))
    rows: list[tuple[Any, ...]] = []
    engagements: list[tuple[Any, ...]] = []
    for number, (customer_id, email) in enumerate(people):
        luck = rng.random()
        state, reason = ("failed", "refused") if luck < 0.012 else ("sent", "")
        version = rng.choice(versions)
        if version and luck > 1 - HELD_OUT:
            state, reason = "skipped", "holdout"
        elif (luck > 1 - HELD_OUT - 0.03) if version else luck > 0.97:
            state, reason = (
                "skipped",
                rng.choice(["hold:open_complaint", "hold:late_parcel", "frequency_cap"]),
            )
        sent_at = started + timedelta(seconds=number / 8) if state == "sent" else None
        opened = clicked = left = None
        device = rng.choice(DEVICES)
        if sent_at and rng.random() < opened_share * (MORE_OPENED if version == "B" else 1):
            opened = sent_at + timedelta(minutes=rng.expovariate(1 / 300))
            engagements.append((merchant.pk, first + number, None, "open", "", opened, device))
            if rng.random() < clicked_share:
                clicked = opened + timedelta(seconds=rng.randint(5, 90))
                link = rng.choice(links)
                engagements.append((merchant.pk, first + number, link.pk, "click", "", clicked, device))
            elif rng.random() < left_share * 3:
                left = opened + timedelta(seconds=40)
        elif sent_at and rng.random() < 0.1:  # a privacy proxy that loads every picture
            loaded = sent_at + timedelta(seconds=30)
            engagements.append((merchant.pk, first + number, None, "open", "proxy", loaded, ""))
        bounce, code = _bounce(luck)
        message_id = f"<demo.{campaign.pk}.{number}@guanxi-tea.example>"
        rows.append(
            (
                first + number,
                merchant.pk,
                campaign.pk,
                customer_id,
                email,
                state,
                reason,
                message_id,
                sent_at,
                sent_at,
                opened,
                clicked,
                left,
                started,
                version,
                (sent_at or started) + timedelta(minutes=2) if bounce else None,
                bounce,
                code,
                sent_at + timedelta(hours=5) if sent_at and 0.03 <= luck < 0.0305 else None,
            )
        )
    columns = ("id", "merchant_id", "campaign_id", "customer_id", "address", "state", "reason", "message_id")
    more = ("sending_at", "sent_at", "opened_at", "clicked_at", "unsubscribed_at", "created_at", "version")
    back = ("bounced_at", "bounce", "bounce_code", "complained_at")
    copy_rows(Delivery, (*columns, *more, *back), rows)
    looks = ("merchant_id", "delivery_id", "link_id", "kind", "label", "at", "device")
    copy_rows(Engagement, looks, engagements)


def _links(merchant: Merchant, campaign: Campaign) -> list[Link]:
    """The links of every version, as the sending would have noted them."""
    made = []
    for _letter, written in versions_written(campaign):
        mail, _bound = bound(written.campaign, merchant)
        made += [
            Link(merchant=merchant, campaign=campaign, number=number, target=target)
            for number, target in enumerate(mail.links, start=written.first_link)
        ]
    return Link.objects.bulk_create(made)


def _followed_by_orders(campaign: Campaign) -> None:
    """Who had looked at the mail before they ordered."""
    readers = Delivery.objects.filter(campaign=campaign, opened_at__isnull=False).values("customer_id")
    placed = Order.objects.filter(customer__in=readers, placed_at__gte=campaign.frozen_at)
    for order in placed.select_related("merchant").order_by("pk")[:ORDERS_SEEN]:
        attribute(order)
