"""Prints a new API key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.accounts.models import Merchant
from crm.accounts.permissions import SCOPES
from crm.accounts.services import apikey_create
from crm.lib.errors import CrmError


class Command(BaseCommand):
    help = "Makes an API key and prints its secret as the last line; it is never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="the shop's short name")
        parser.add_argument(
            "--scopes",
            nargs="+",
            default=sorted(SCOPES),
            help=f"any of {', '.join(sorted(SCOPES))}; default: all",
        )
        parser.add_argument("--name", default="command line")

    def handle(self, *args: Any, merchant: str, scopes: list[str], name: str, **options: Any) -> None:
        shop = Merchant.objects.filter(slug=merchant).first()
        if shop is None:
            known = ", ".join(Merchant.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"No shop {merchant!r}. Shops: {known}.")
        wanted = [scope for part in scopes for scope in part.split(",") if scope]
        try:
            _key, secret = apikey_create(merchant=shop, name=name, scopes=wanted)
        except CrmError as error:
            raise CommandError(str(error.message)) from error
        self.stdout.write(secret)
