"""The tables of a new database at once: 0001 to 0002 in one, which a database that has them takes as done."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("exports", "0001_initial"), ("exports", "0002_vcard")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Export",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=40)),
                        ("query", models.CharField(blank=True, default="", max_length=2000)),
                        (
                            "ids",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, default=list, size=None
                            ),
                        ),
                        ("filters", models.JSONField(blank=True, default=list)),
                        ("reason", models.CharField(max_length=300, verbose_name="reason")),
                        (
                            "format",
                            models.CharField(
                                choices=[
                                    ("xlsx", "Excel (XLSX)"),
                                    ("csv", "CSV"),
                                    ("parquet", "Parquet"),
                                    ("vcf", "vCard (address book)"),
                                ],
                                default="csv",
                                max_length=7,
                                verbose_name="format",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting_approval", "Waits for approval"),
                                    ("queued", "Queued"),
                                    ("running", "Being written"),
                                    ("ready", "Ready"),
                                    ("refused", "Refused"),
                                    ("expired", "Expired"),
                                    ("failed", "Failed"),
                                ],
                                default="queued",
                                max_length=16,
                            ),
                        ),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("decision", models.CharField(blank=True, default="", max_length=300)),
                        ("rows_asked", models.BigIntegerField(default=0)),
                        ("allowed_rows", models.BigIntegerField(blank=True, null=True)),
                        ("rows", models.BigIntegerField(default=0)),
                        ("is_whole", models.BooleanField(default=False)),
                        ("language", models.CharField(blank=True, default="", max_length=10)),
                        ("file_path", models.CharField(blank=True, default="", max_length=200)),
                        ("file_size", models.BigIntegerField(default=0)),
                        ("sha256", models.CharField(blank=True, default="", max_length=64)),
                        ("downloads", models.PositiveIntegerField(default=0)),
                        ("error", models.TextField(blank=True, default="")),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("runner", models.CharField(blank=True, default="", max_length=36)),
                        ("claimed_until", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "api_key",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.apikey",
                            ),
                        ),
                        (
                            "approver",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.membership",
                            ),
                        ),
                        (
                            "merchant",
                            crm.lib.tenancy.MerchantKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.merchant",
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.membership",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="exports_export_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("requested_by"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="exports_export_mine",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("created_at"),
                                condition=models.Q(("state", "waiting_approval")),
                                name="exports_export_waiting",
                            ),
                            models.Index(
                                models.F("claimed_until"),
                                condition=models.Q(("state__in", ["queued", "running"])),
                                name="exports_export_working",
                            ),
                            models.Index(
                                models.F("expires_at"),
                                condition=models.Q(("state", "ready")),
                                name="exports_export_ready",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("approver__isnull", True),
                                    ("requested_by__isnull", True),
                                    models.Q(("approver", models.F("requested_by")), _negated=True),
                                    _connector="OR",
                                ),
                                name="exports_export_not_own_approver",
                            )
                        ],
                    },
                )
            ],
        ),
    ]
