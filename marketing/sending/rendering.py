"""From a claimed row to the bytes for the wire."""

from __future__ import annotations

import time
from email.utils import formatdate

from crm.accounts.models import Merchant
from customers.preferences.links import preferences_url
from marketing.domains.signing import signer_for
from marketing.engine.compile import BoundMail, CompiledMail, Envelope
from marketing.engine.headers import address
from marketing.engine.layout import LINKS_NAME, PIXEL_NAME
from marketing.engine.smtp import Outgoing
from marketing.feedback.return_path import bounce_address, marked
from marketing.models import Campaign
from marketing.sending import content, tokens
from marketing.sending.handover import Mail


class Renderer:
    """Every version of the campaign's mail, ready to be filled in. Raises TemplateError, BadAddress or
    ValueError when one of them can't be made at all."""

    def __init__(self, merchant: Merchant, campaign: Campaign) -> None:
        self._merchant, self._tracks = merchant, campaign.tracks
        versions = {letter: _Version(one, merchant) for letter, one in content.versions(campaign)}
        self._versions = versions | {"": versions["A"]}  # where nothing is tried
        self._bounces_to = bounce_address()
        self._signer = signer_for(content.sender_address(campaign, merchant))
        self._second, self._date = 0, ""

    @property
    def links(self) -> list[tuple[int, str]]:
        """The tracked targets of all versions with their numbers."""
        found = (zip(one.numbers, one.mail.links, strict=True) for one in self._versions.values())
        return list(dict(pair for pairs in found for pair in pairs).items())

    def render(self, mail: Mail) -> Outgoing:
        """Raises RenderError, BadAddress or ValueError for this recipient's."""
        row = mail.row
        version = self._versions[row.version]
        to = address(row.address)
        leave = tokens.unsubscribe_url(row.delivery_id)
        choose = preferences_url(row.customer_id, self._merchant, row.address)
        context = {**mail.context, content.UNSUBSCRIBE: leave, content.PREFERENCES: choose}
        if self._tracks:
            context[LINKS_NAME] = [tokens.click_url(row.delivery_id, number) for number in version.numbers]
            context[PIXEL_NAME] = tokens.open_url(row.delivery_id)
        envelope = Envelope(
            message_id=row.message_id,
            to_email=row.address,
            date=self._now(),
            to_name=mail.context["customer"]["name"],
            unsubscribe_url=leave,
        )
        data = version.bound.render(context, envelope)
        if self._signer:
            data = self._signer.header(data) + data
        mail_from = version.bound.mail_from
        if self._bounces_to:
            mail_from = marked(self._bounces_to, row.delivery_id)
        return Outgoing(row.delivery_id, mail_from, to.email, data, utf8=to.utf8)

    def _now(self) -> str:
        """The Date field; made once a second."""
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second)
        return self._date


class _Version:
    def __init__(self, written: content.Written, merchant: Merchant) -> None:
        self.mail: CompiledMail
        self.bound: BoundMail
        self.mail, self.bound = content.bound(written.campaign, merchant)
        self.numbers = written.numbers(self.mail)
