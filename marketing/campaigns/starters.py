"""Mails to begin with: plain, good on a phone, in the shop's colour."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from marketing.models import Template

_BODY = """<mjml>
  <mj-head>
    <mj-attributes>
      <mj-all font-family="-apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', Arial, sans-serif" />
      <mj-text font-size="16px" line-height="26px" color="#1f2937" />
      <mj-button background-color="{color}" color="#ffffff" border-radius="6px" font-size="16px" />
    </mj-attributes>
  </mj-head>
  <mj-body background-color="#f3f4f6">
    <mj-section padding="24px 0 8px">
      <mj-column>
        <mj-text align="center" font-size="20px" font-weight="700">{{{{ shop.name }}}}</mj-text>
      </mj-column>
    </mj-section>
    <mj-section background-color="#ffffff" padding="28px 12px" border-radius="8px">
      <mj-column>
        <mj-text>{greeting}</mj-text>
        <mj-text>{words}</mj-text>
        <mj-button href="{website}">{action}</mj-button>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def starter_of(merchant: Merchant, *, words: str = "") -> Template:
    """An unsaved template in the shop's language and colour; without `words` it asks for some."""
    with translation.override(merchant.locale):
        body = _BODY.format(
            color=merchant.brand_color,
            greeting=_("Hello {{ customer.first_name | default: 'there' }},"),
            words=words or _prompt(),
            website=merchant.website or "https://example.com/",
            action=_("Have a look"),
        )
        return Template(
            merchant=merchant, name=_("Plain letter"), subject=_("News from {{ shop.name }}"), body=body
        )


def is_unwritten(body: str) -> bool:
    """Whether a starter's request to write something still stands in it, in whatever language."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            if _prompt() in body:
                return True
    return False


def _prompt() -> str:
    return _("write here what is new, in two or three sentences. One mail, one thought, one button.")
