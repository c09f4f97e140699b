"""`manage.py erasures_replay`: erases again whom a restored backup has brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from customers.privacy import ledger


class Command(BaseCommand):
    help = "Erases again everybody whom the ledger of erasures names. Run it after restoring a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="another ledger than ERASURE_LEDGER")

    def handle(self, *args: Any, **options: Any) -> None:
        done = ledger.replay(options["file"])
        self.stdout.write(
            f"Erased again: {done.erased}. Hashes brought back: {done.remembered}."
            f" Of other installations: {done.strangers}."
        )
