"""`manage.py segment_count --merchant SLUG NAME`: how many people the segment holds right now."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.models import Segment
from marketing.segments.selectors import segment_count


class Command(BaseCommand):
    help = "Counts a segment by its name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the segment's name, in any case")
        parser.add_argument("--merchant", required=True, metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="print an object instead of the number")

    def handle(self, *args: Any, **options: Any) -> None:
        merchant = Merchant.objects.filter(slug=options["merchant"]).first()
        if merchant is None:
            raise CommandError(f"There is no shop {options['merchant']}.")
        with merchant_scope(merchant):
            segment = (
                Segment.objects.live().select_related("merchant").filter(name__iexact=options["name"]).first()
            )
            if segment is None:
                names = ", ".join(Segment.objects.live().order_by("name").values_list("name", flat=True)[:20])
                raise CommandError(f"There is no segment {options['name']}. There are: {names or 'none'}.")
            count = segment_count(segment)
        self.stdout.write(
            json.dumps({"segment": segment.name, "count": count}) if options["json"] else str(count)
        )
