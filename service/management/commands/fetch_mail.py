"""Looks into the shops' mailboxes now: `manage.py fetch_mail [--merchant SLUG]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.accounts.models import Merchant
from crm.lib.errors import Upstream
from crm.lib.tenancy import merchant_scope
from service import fetching


class Command(BaseCommand):
    help = "Reads unseen mails of the desk's mailboxes into tickets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", default="", help="only this shop, by its short name")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["merchant"]:
            self.stdout.write(f"{fetching.fetch_all()} mails written down")
            return
        merchant = Merchant.objects.filter(slug=options["merchant"], is_active=True).first()
        if merchant is None:
            raise CommandError(f"There is no shop {options['merchant']}.")
        try:
            with merchant_scope(merchant):
                counted = fetching.fetch(merchant=merchant)
        except Upstream as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(", ".join(f"{count} {what}" for what, count in counted.items()))
