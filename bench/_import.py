"""An import as a process of its own, and a bare COPY of the same rows: for the benchmarks of imports."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from crm.accounts.models import Merchant

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "bench-import-"
# (model, columns that refer to another of the tables), in the order in which their keys allow it.
Tables = Sequence[tuple[str, set[str] | dict[str, str]]]


def run_import(
    command: str, file: Path, slug: str, more: Sequence[str]
) -> tuple[dict[str, Any], float, float]:
    """(what the command tells, seconds, MB at the peak)."""
    words = [sys.executable, "manage.py", command, str(file), "--merchant", slug, "--create-merchant"]
    before = time.monotonic()
    done = subprocess.run([*words, *more, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - before
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return json.loads(done.stdout.strip().splitlines()[-1]), seconds, peak


def bare_copy(slug: str, tables: Tables, folder: Path) -> tuple[int, int, float]:
    """(rows, bytes, seconds) of loading the merchant's rows for another one."""
    merchant = Merchant.objects.get(slug=slug)
    twin = Merchant.objects.create(slug=f"{slug}-copy", name="copy", base_currency=merchant.base_currency)
    shift = 10**12 + int(time.time())
    files = [export(model, links, merchant.pk, twin.pk, shift, folder) for model, links in tables]
    rows = 0
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        before = time.monotonic()
        with transaction.atomic():
            for table, columns, path, count in files:
                with path.open() as source:
                    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", source)
                rows += count
        seconds = time.monotonic() - before
    return rows, sum(path.stat().st_size for _t, _c, path, _n in files), seconds


def export(
    name: str, links: set[str] | dict[str, str], merchant: int, twin: int, shift: int, folder: Path
) -> tuple[str, str, Path, int]:
    model = apps.get_model(name)
    fields = [field.column for field in model._meta.concrete_fields]
    moved = {*links, *(["id"] if "id" in fields else [])}
    wanted = [
        str(twin) if column == "merchant_id" else f"{column} + {shift}" if column in moved else column
        for column in fields
    ]
    path = folder / name
    table = model._meta.db_table
    with connection.cursor() as cursor, path.open("w") as target:
        cursor.copy_expert(
            f"COPY (SELECT {', '.join(wanted)} FROM {table} WHERE merchant_id = {merchant}) TO STDOUT", target
        )
        return table, ", ".join(fields), path, int(cursor.rowcount)


def refuse_real_shops() -> None:
    """This ends with emptied tables: only a database of benchmarks may have them."""
    if Merchant.objects.exclude(slug__startswith=PREFIX).exists():
        raise SystemExit("This database holds shops. Run `make bench`, which has a database of its own.")


def empty() -> None:
    """Deleting half a million rows one key check at a time would take longer than the benchmark."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Merchant._meta.db_table} CASCADE")


def measured(command: str, file: Path, tables: Tables, more: Sequence[str]) -> tuple[dict[str, Any], float]:
    """What the command tells, and its seconds; prints the ratio to a bare COPY and the memory."""
    refuse_real_shops()
    slug = f"{PREFIX}{time.time_ns()}"
    try:
        result, seconds, peak = run_import(command, file, slug, more)
        with tempfile.TemporaryDirectory() as temporary:
            rows, size, copying = bare_copy(slug, tables, Path(temporary))
    finally:
        empty()
    print(
        f"import_vs_bare_copy {copying / seconds:.2f} (bare COPY of {rows:,} rows, {size >> 20} "
        f"MB: {copying:.1f} s)"
    )
    print(f"import_peak_memory_vs_limit {peak / 300:.2f} ({peak:.0f} MB of 300)")
    return result, seconds
