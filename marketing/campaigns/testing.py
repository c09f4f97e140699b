"""Seeing the mail before anybody gets it: as any customer, on the page or in one's own mailbox."""

from __future__ import annotations

import secrets
from email.utils import formatdate
from typing import Any

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected, Upstream
from customers.models import Customer
from marketing.campaigns.dressing import LINK_MARK
from marketing.engine.compile import Envelope, Preview
from marketing.engine.errors import BadAddress, RenderError, TemplateError
from marketing.engine.headers import address
from marketing.engine.layout import LINKS_NAME, PIXEL_NAME
from marketing.engine.smtp import DONE, Engine, Limits, Outgoing, Result, Status, Timeouts
from marketing.models import Campaign
from marketing.models.template import Content
from marketing.sending import content
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


def send_test(*, merchant: Merchant, campaign: Campaign, to: str, customer: Customer | None) -> str:
    """Sends the mail to one address of staff, untracked, and returns the server's receipt.

    Raises Rejected when the mail can't be made, Upstream when the server doesn't take it.
    """
    try:
        mail = content.compiled(campaign, merchant, tracks=False)
        bound = mail.bind(content.sender_of(campaign, merchant))
        target = address(to)
        domain = bound.mail_from.rpartition("@")[2]
        nowhere = dict.fromkeys((content.UNSUBSCRIBE, content.PREFERENCES), "https://example.com/")
        context = example_context(merchant, customer) | nowhere
        envelope = Envelope(
            message_id=f"<test.{secrets.token_hex(12)}@{domain}>", to_email=to, date=formatdate(usegmt=False)
        )
        message = Outgoing(
            1, bound.mail_from, target.email, bound.render(context, envelope), utf8=target.utf8
        )
    except (TemplateError, RenderError, BadAddress, ValueError) as error:
        raise Rejected(str(error), code="template") from error
    return _hand_over(message)


def _hand_over(message: Outgoing) -> str:
    waiting, results = [message], list[Result]()
    engine = Engine(
        server_from_settings(),
        pull=lambda: waiting.pop() if waiting else DONE,
        report=results.extend,
        limits=Limits(connections=1, give_up_seconds=5),
        timeouts=Timeouts(connect=5, command=10, accept=15),
    )
    tally = engine.run()
    if results and results[0].status is Status.SENT:
        return results[0].text
    words = results[0].text if results and results[0].text else tally.trouble
    raise Upstream(_("The mail server did not take it: %(words)s") % {"words": words}, retryable=True)
