"""Run before the processes start: `python -m crm.local.prepare database` and `… static`, side by side.

`database` applies the migrations and loads a demo shop into an empty database, `tables` does the first half
(before a command of `make manage`); `static` collects and hashes the files that browsers load.
"""

import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from crm.demo.resting import wake_all
from crm.local.place import Place

# Another app's static files that no page of ours uses (the API answers JSON only).
UNUSED_STATIC = ["rest_framework"]


def main(what: str, *flags: str) -> int:
    django.setup()
    if what == "static":
        collect_static()
    else:
        migrate()
    if what == "database":
        load_demo(embedded="embedded" in flags)
    return 0


def migrate() -> None:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        print(f"Applying {len(waiting)} migrations …", flush=True)
        call_command("migrate", interactive=False, verbosity=0)
    if count := wake_all():
        print(f"{count} indexes were built that a demo shop's loading left asleep.", flush=True)


def collect_static() -> None:
    if settings.DEBUG:  # then the files are served from where they lie
        return
    print("Hashing and compressing the browser's files …", flush=True)
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED_STATIC)


def load_demo(*, embedded: bool) -> None:
    """Makes the demo shop in an empty database, and writes down how to sign in to it for `make run` to say.

    Only a database that is ours is marked as unfinished meanwhile, for such a one is dropped after a kill.
    """
    from crm.demo.shop import PASSWORD, STAFF  # its models need django.setup()

    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM accounts_merchant)")
        if cursor.fetchone()[0]:
            return
    if os.environ.get("CRM_DEMO", "1").lower() in {"0", "no", "false"}:
        print("The database is empty and stays so (CRM_DEMO=0).", flush=True)
        return
    print("The database is empty: making the demo shop …", flush=True)
    home = Place.from_environment()
    if embedded:
        home.unfinished_file.touch()
    call_command("demo")
    sign_ins = {"password": PASSWORD, "staff": [[email, str(role)] for email, _name, role in STAFF]}
    home.sign_ins_file.write_text(json.dumps(sign_ins, indent=1))
    home.unfinished_file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
