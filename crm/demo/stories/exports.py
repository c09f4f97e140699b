"""Two files on their way out: one ready to fetch, one that waits for the owner's word."""

from __future__ import annotations

from crm.accounts.models import Membership, Merchant
from crm.events.actor import acting
from crm.exports import services, working
from crm.exports.models import Export


def exports_write(*, merchant: Merchant, manager: Membership) -> None:
    """The manager took the repeat customers for the Christmas cards, and asks for all orders of the books, which are
    more than one person takes alone in a shop of the usual size."""
    with acting(f"user:{manager.user_id}"):
        cards = services.export_ask(
            merchant=merchant,
            kind="customers",
            query="stage=repeat",
            reason="圣诞贺卡 Christmas cards to the repeat customers",
            format=Export.Format.XLSX,
            membership=manager,
        )
        services.export_ask(
            merchant=merchant,
            kind="orders",
            reason="年度账目 Books of the year, for the accountant",
            format=Export.Format.CSV,
            membership=manager,
        )
    working.work_on(merchant_id=merchant.pk, export_id=cards.pk)
