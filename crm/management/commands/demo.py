"""Generates a shop of any size."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.accounts.models import Merchant
from crm.demo.resting import wake_all
from crm.demo.shop import PASSWORD, STAFF, Size, shop_make
from crm.lib.errors import CrmError


class Command(BaseCommand):
    help = "Makes a shop with generated customers and orders; the same numbers make the same shop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customers", type=int, default=2_000)
        parser.add_argument("--orders", type=int, default=12_000)
        parser.add_argument("--merchant", default="demo", help="the new shop's short name")
        parser.add_argument("--bare", action="store_true", help="customers and orders only, to measure speed")
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there is a shop already")

    def handle(self, *args: Any, customers: int, orders: int, merchant: str, **options: Any) -> None:
        if options["if_empty"] and Merchant.objects.exists():
            return
        if customers < 1 or orders < 0:
            raise CommandError("A shop needs at least one customer, and orders can't be negative.")
        wake_all()
        started = time.monotonic()
        size = Size(customers, orders, with_stories=not options["bare"])
        try:
            shop_make(slug=merchant, size=size, say=self.stdout.write)
        except CrmError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(f"Shop {merchant} made in {time.monotonic() - started:.0f} s.")
        self.stdout.write(f"Sign in as {STAFF[0][0]} with {PASSWORD}")
