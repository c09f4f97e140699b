"""Seeing the mail before anybody gets it: as any customer, on the page or in one's own mailbox."""

from __future__ import annotations

import email
import secrets
from collections.abc import Callable, Sequence
from copy import copy
from email.utils import formatdate
from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.integrations import http
from crm.integrations.connecting import connection_of
from crm.integrations.messengers.base import Fate, Receipt
from crm.lib.errors import Rejected
from customers.models import Customer
from customers.models.consent import Channel
from marketing.campaigns.dressing import LINK_MARK
from marketing.domains.signing import signer_for
from marketing.engine.compile import Envelope, Preview
from marketing.engine.errors import BadAddress, RenderError, TemplateError
from marketing.engine.headers import address
from marketing.engine.layout import LINKS_NAME, PIXEL_NAME
from marketing.engine.smtp import DONE, Engine, Limits, Outgoing, Result, Status, Timeouts
from marketing.feedback.return_path import bounce_address
from marketing.models import Campaign
from marketing.models.template import Content
from marketing.sending import content
from marketing.sending.carriers import Carrier, message_of
from marketing.sending.context import contexts, shop_context
from marketing.sending.runner import server_from_settings

SAMPLE: dict[str, Any] = {
    "id": 0,
    "name": "Mei Li",
    "first_name": "Mei",
    "given_name": "Mei",
    "family_name": "Li",
    "email": "mei.li@example.com",
    "language": "en",
    "city": "Shanghai",
    "region": "",
    "country": "CN",
    "tags": [],
    "attributes": {},
    "orders": 3,
    "spent": "1280.00",
    "first_order_on": "2025-03-08",
    "last_order_on": "2026-01-15",
    "points": 640,
    "tier": "Gold",
}


def example_context(merchant: Merchant, customer: Customer | None) -> dict[str, Any]:
    """What the template sees: a real customer's data, or an invented person's."""
    if customer is None:
        known: dict[str, Any] = {"customer": SAMPLE, "shop": shop_context(merchant)}
    else:
        known = contexts(merchant=merchant, customer_ids=[customer.pk])[customer.pk]
    return known | {content.UNSUBSCRIBE: "#unsubscribe", content.PREFERENCES: "#preferences"}


def preview(*, merchant: Merchant, source: Content, customer: Customer | None) -> Preview:
    """The mail as that customer would get it, untracked. Raises Rejected with what is wrong."""
    try:
        return content.compiled(source, merchant, tracks=False).preview(example_context(merchant, customer))
    except (TemplateError, RenderError) as error:
        raise Rejected(str(error), code="template") from error


def numbered(*, merchant: Merchant, written: content.Written) -> tuple[str, range]:
    """The HTML of a sent version for an invented person, its links leading to LINK_MARK and their number; and
    the numbers. Raises Rejected with what is wrong."""
    try:
        mail = content.compiled(written.campaign, merchant, tracks=True)
        marks = [f"{LINK_MARK}{number}" for number in written.numbers(mail)]
        context = example_context(merchant, None) | {LINKS_NAME: marks, PIXEL_NAME: "data:,"}
        return mail.preview(context).html, written.numbers(mail)
    except (TemplateError, RenderError) as error:
        raise Rejected(str(error), code="template") from error


# Who could not be served, and what the server said.
Troubles = list[tuple[str, str]]
Send = Callable[[Sequence[str]], Troubles]


def sender(*, merchant: Merchant, campaign: Campaign, customer: Customer | None, letter: str) -> Send:
    """What hands that version over to some addresses, untracked, by the way that the campaign will take: the
    shop's mail provider, or the SMTP server with the shop's signature.

    Raises Rejected when the mail can't be made.
    """
    try:
        mail = _TestMail(merchant, _marked(content.written_as(campaign, letter).campaign, merchant), customer)
        mail.outgoing(1, mail.bound.mail_from)
    except (TemplateError, RenderError, BadAddress, ValueError) as error:
        raise Rejected(str(error), code="template") from error
    connection = connection_of(Channel.EMAIL)
    if connection is None:
        return partial(_by_smtp, mail)
    return partial(_by_carrier, mail, Carrier(connection))


def _marked(campaign: Campaign, merchant: Merchant) -> Campaign:
    """The same with a subject that nobody takes for the real one."""
    marked = copy(campaign)
    with translation.override(merchant.locale):
        marked.subject = _("[Test] %(subject)s") % {"subject": campaign.subject}
    return marked


class _TestMail:
    """The mail of one test, ready for its few addresses. Raises what `content.bound` raises, RenderError."""

    def __init__(self, merchant: Merchant, campaign: Campaign, customer: Customer | None) -> None:
        self.bound = content.compiled(campaign, merchant, tracks=False).bind(
            content.sender_of(campaign, merchant)
        )
        nowhere = settings.PUBLIC_URL + reverse("mail_unsubscribe_test")
        self._leave = nowhere
        self._context = example_context(merchant, customer) | dict.fromkeys(
            (content.UNSUBSCRIBE, content.PREFERENCES), nowhere
        )
        self._signer = signer_for(content.sender_address(campaign, merchant))
        # Where its bounces go decides what SPF says of it. Without a mark they belong to nobody.
        self._mail_from = bounce_address() or self.bound.mail_from

    def outgoing(self, number: int, to: str) -> Outgoing:
        domain = self.bound.mail_from.rpartition("@")[2]
        target = address(to)
        envelope = Envelope(
            message_id=f"<test.{secrets.token_hex(12)}@{domain}>",
            to_email=to,
            date=formatdate(usegmt=False),
            unsubscribe_url=self._leave,
        )
        data = self.bound.render(self._context, envelope)
        if self._signer:
            data = self._signer.header(data) + data
        return Outgoing(number, self._mail_from, target.email, data, utf8=target.utf8)


def _by_carrier(mail: _TestMail, carrier: Carrier, to: Sequence[str]) -> Troubles:
    troubles = []
    with http.session() as client:
        for number, each in enumerate(to):
            outgoing = mail.outgoing(number, each)
            reference = message_id_of(outgoing.data)
            receipt = carrier.send(
                message_of(outgoing.data, to=outgoing.rcpt_to, reference=reference), client
            )
            if receipt.fate is not Fate.ACCEPTED:
                troubles.append((each, receipt_words(receipt)))
    return troubles


def message_id_of(data: bytes) -> str:
    return str(email.message_from_bytes(data).get("Message-ID", "")).strip("<>")


def receipt_words(receipt: Receipt) -> str:
    return " ".join(part for part in (receipt.code, receipt.text) if part)


def _by_smtp(mail: _TestMail, to: Sequence[str]) -> Troubles:
    waiting = [mail.outgoing(number, each) for number, each in enumerate(to)]
    results = list[Result]()
    engine = Engine(
        server_from_settings(),
        pull=lambda: waiting.pop(0) if waiting else DONE,
        report=results.extend,
        limits=Limits(connections=1, give_up_seconds=5),
        timeouts=Timeouts(connect=5, command=10, accept=15),
    )
    tally = engine.run()
    came = {result.id: result for result in results}
    return [
        (each, came[number].text if number in came else tally.trouble)
        for number, each in enumerate(to)
        if number not in came or came[number].status is not Status.SENT
    ]
