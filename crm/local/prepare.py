"""Run before the processes start: migrations, the hashed static files, and a demo shop for an empty database.

`python -m crm.local.prepare`, with the environment of the stack.
"""

import os
import sys
from pathlib import Path

import django


def main() -> int:
    django.setup()
    migrate()
    collect_static()
    load_demo()
    return 0


def migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        print(f"Applying {len(waiting)} migrations …", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> None:
    from django.conf import settings
    from django.core.management import call_command

    if settings.DEBUG:  # then the files are served from where they lie
        return
    print("Collecting the browser's files …", flush=True)
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)


def load_demo() -> None:
    from django.core.management import call_command, get_commands

    from crm.accounts.models import Merchant

    if Merchant.objects.exists() or "demo" not in get_commands():
        return
    if os.environ.get("CRM_DEMO", "1").lower() in {"0", "no", "false"}:
        print("The database is empty and stays so (CRM_DEMO=0).", flush=True)
        return
    print("The database is empty: making the demo shop …", flush=True)
    call_command("demo")


if __name__ == "__main__":
    sys.exit(main())
