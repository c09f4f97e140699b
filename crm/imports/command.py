"""The command behind `import_orders`, `import_customers`, `import_companies` and `import_consents`: the
pages' importer without their limits."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from crm.accounts.models import Merchant
from crm.accounts.services import merchant_create
from crm.lib.errors import CrmError
from crm.lib.tenancy import merchant_scope

from . import services
from .fields import Preset
from .files import describe_local
from .models import ImportBatch
from .pipeline import work_on

State = ImportBatch.State


class ImportCommand(BaseCommand):
    """Streams a file of any size through the importer `kind`. Takes up an import that was killed where it
    stood; `summary` is what is printed at the end."""

    kind: ClassVar[str]
    presets: ClassVar[Sequence[Preset]]

    def summary(self, batch: ImportBatch) -> dict[str, Any]:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("file", type=Path, help="CSV, XLSX or Parquet")
        parser.add_argument("--merchant", required=True, metavar="SLUG", help="the shop's short name")
        parser.add_argument("--create-merchant", action="store_true", help="make the shop if there is none")
        parser.add_argument("--currency", default="", help="the file's currency, and the new shop's")
        parser.add_argument(
            "--time-zone", default="", help="the clock of times without a zone, and the new shop's"
        )
        parser.add_argument("--mapping", default="", choices=[preset.key for preset in self.presets])
        parser.add_argument("--column", action="append", default=[], metavar="FIELD=COLUMN")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON in the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        path: Path = options["file"].resolve()
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            merchant, is_new = self._merchant(options)
            with merchant_scope(merchant):
                result = self._import(merchant, path, options)
        except CrmError as error:
            details = "; ".join(
                f"{name}: {' '.join(map(str, texts))}" for name, texts in error.fields.items()
            )
            raise CommandError(f"{error.message} {details}".strip()) from error
        if is_new and options["dry_run"]:
            Merchant.objects.filter(pk=merchant.pk).delete()
        result["seconds"] = round(time.monotonic() - started, 2)
        self._print(result, options["json"])

    def _merchant(self, options: dict[str, Any]) -> tuple[Merchant, bool]:
        slug = options["merchant"]
        merchant = Merchant.objects.filter(slug=slug).first()
        if merchant is not None:
            return merchant, False
        if not options["create_merchant"]:
            raise CommandError(f"There is no shop “{slug}”. Add --create-merchant to make it.")
        preset = next((preset.options for preset in self.presets if preset.key == options["mapping"]), {})
        facts = {
            "base_currency": options["currency"] or preset.get("currency", "CNY"),
            "time_zone": options["time_zone"] or preset.get("time_zone", "UTC"),
        }
        return merchant_create(slug=slug, name=slug.replace("-", " ").title(), **facts), True

    def _import(self, merchant: Merchant, path: Path, options: dict[str, Any]) -> dict[str, Any]:
        batch = self._unfinished(path) if not options["dry_run"] else None
        if batch is None:
            batch = self._new_batch(merchant, path, options)
            if options["dry_run"]:
                services.batch_check(batch=batch, ring=False)
            else:
                services.batch_run(batch=batch, ring=False)
        self._work(merchant, batch)
        batch.refresh_from_db()
        if batch.state == State.FAILED:
            raise CommandError(batch.error)
        result = self.summary(batch)
        if options["dry_run"]:
            batch.file_path = ""
            batch.save(update_fields=["file_path"])
            with transaction.atomic():
                services.batch_discard(batch=batch)
        return result

    def _new_batch(self, merchant: Merchant, path: Path, options: dict[str, Any]) -> ImportBatch:
        batch = services.batch_from_path(
            merchant=merchant, kind=self.kind, path=path, preset=options["mapping"]
        )
        mapping = batch.mapping | _pairs(options["column"])
        chosen = batch.options | _pairs(options["option"])
        if options["currency"]:
            chosen["currency"] = options["currency"]
        if options["time_zone"]:
            chosen["time_zone"] = options["time_zone"]
        try:
            return services.batch_map(batch=batch, merchant=merchant, mapping=mapping, options=chosen)
        except CrmError:
            services.batch_discard(batch=batch)
            raise

    def _unfinished(self, path: Path) -> ImportBatch | None:
        """The import of this very file that was killed or failed half-way."""
        sha256 = describe_local(path).sha256
        batch = (
            ImportBatch.objects.filter(kind=self.kind, sha256=sha256, file_path=str(path))
            .filter(state__in=[State.RUNNING, State.FAILED])
            .order_by("-pk")
            .first()
        )
        if batch is None or (batch.state == State.FAILED and not batch.can_resume):
            return None
        self.stdout.write(f"Taking up the import #{batch.pk} where it stood.")
        if batch.can_resume:
            return services.batch_resume(batch=batch, ring=False)
        # Whoever held it was killed: the command's file is nobody else's, so the claim need not run out.
        ImportBatch.objects.filter(pk=batch.pk).update(claimed_until=None)
        return batch

    def _work(self, merchant: Merchant, batch: ImportBatch) -> None:
        shown = -1

        def watch(now: ImportBatch) -> None:
            nonlocal shown
            percent = now.progress // 10
            if percent > shown and self.verbosity:
                shown = percent
                self.stdout.write(f"{percent:3d} %  {now.stage or now.get_state_display()}")

        self.verbosity = 1
        if not work_on(merchant_id=merchant.pk, batch_id=batch.pk, watcher=watch):
            raise CommandError("Another process is working on this import.")

    def _print(self, result: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(_as_json(result))
            return
        for key, value in result.items():
            self.stdout.write(f"{key:16} {value}")


def told_of(batch: ImportBatch, report_of: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The report of a finished import, or what a dry run found, with how the batch stands."""
    told = batch.report or report_of(batch.counts)
    return {"batch": batch.pk, "state": batch.state, "dry_run": batch.state == State.CHECKED, **told}


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise CommandError(f"“{text}” lacks its =, as in sku=StockCode.")
    return dict(text.split("=", 1) for text in texts)


def _as_json(result: dict[str, Any]) -> str:
    """Decimals as JSON numbers with both decimals, never through a float."""
    marks = {f"@{key}@": value for key, value in result.items() if isinstance(value, Decimal)}
    text = json.dumps({k: f"@{k}@" if isinstance(v, Decimal) else v for k, v in result.items()})
    for mark, value in marks.items():
        text = text.replace(f'"{mark}"', str(value))
    return text
