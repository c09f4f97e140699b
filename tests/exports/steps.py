"""What tests of exports do again and again."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from crm.accounts.models import ApiKey, Membership, Merchant
from crm.events.models import Event
from crm.exports import services, working
from crm.exports.files import full_path
from crm.exports.models import Export
from crm.lib.tenancy import merchant_scope
from tests.factories.customers import make_customer

State = Export.State


def used_up(*askers: Membership | ApiKey, left: int = 2) -> None:
    """Each took so much today that only `left` more rows leave without a second person."""
    for asker in askers:
        name = "requested_by" if isinstance(asker, Membership) else "api_key"
        taken: dict[str, Any] = {name: asker, "rows_asked": services.ALONE_ROWS - left}
        with merchant_scope(asker.merchant):
            Export.objects.create(
                merchant=asker.merchant,
                kind="orders",
                reason="earlier today",
                state=State.READY,
                expires_at=timezone.now() + timedelta(hours=20),
                **taken,
            )


def people(merchant: Merchant, number: int) -> None:
    for place in range(number):
        make_customer(merchant, f"Person {place}")


def ask(member: Membership, **fields: Any) -> Export:
    fields = {"kind": "customers", "reason": "for the tax office", "format": "csv"} | fields
    with merchant_scope(member.merchant):
        return services.export_ask(merchant=member.merchant, membership=member, **fields)


def write(export: Export) -> Export:
    working.work_on(merchant_id=export.merchant_id, export_id=export.pk)
    return again(export)


def again(export: Export) -> Export:
    with merchant_scope(export.merchant_id):
        return Export.objects.get(pk=export.pk)


def told(export: Export) -> list[str]:
    with merchant_scope(export.merchant_id):
        found = Event.objects.filter(subject_type="exports.export", subject_id=export.pk).order_by("pk")
        return [event.name.partition(".")[2] for event in found]


def rows_of(export: Export) -> list[dict[str, str]]:
    text = full_path(export.file_path).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def leave_once_running(member: Membership) -> None:
    """The member is inactive from the moment in which a worker claims an export: the database does it, no
    hook of ours."""
    away = f"UPDATE accounts_membership SET is_active = false WHERE id = {member.pk:d}"
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" {away}; RETURN NULL; END $$;"
            "CREATE TRIGGER leave AFTER UPDATE ON exports_export FOR EACH ROW"
            " WHEN (NEW.state = 'running') EXECUTE FUNCTION pg_temp.leave()"
        )
