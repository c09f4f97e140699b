"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("imports", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Change",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("model", models.CharField(max_length=40)),
                        ("object_id", models.BigIntegerField()),
                        ("before", models.JSONField(null=True)),
                        ("stamp", models.DateTimeField(null=True)),
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
                            "batch",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="changes",
                                to="imports.importbatch",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "batch", "model", "object_id"), name="imports_change_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ImportBatch",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=40)),
                        ("preset", models.CharField(blank=True, default="", max_length=40)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("uploaded", "Waiting for its columns"),
                                    ("checking", "Being checked"),
                                    ("checked", "Checked, not imported yet"),
                                    ("running", "Being imported"),
                                    ("done", "Imported"),
                                    ("failed", "Stopped by an error"),
                                    ("undoing", "Being undone"),
                                    ("undone", "Undone"),
                                ],
                                default="uploaded",
                                max_length=10,
                            ),
                        ),
                        ("file_name", models.CharField(max_length=200)),
                        ("file_path", models.CharField(blank=True, default="", max_length=500)),
                        ("file_size", models.BigIntegerField(default=0)),
                        ("sha256", models.CharField(max_length=64)),
                        ("format", models.CharField(blank=True, default="", max_length=10)),
                        ("detected", models.JSONField(default=dict)),
                        (
                            "columns",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=160), default=list, size=None
                            ),
                        ),
                        ("profile", models.JSONField(default=dict)),
                        ("mapping", models.JSONField(default=dict)),
                        ("options", models.JSONField(default=dict)),
                        ("failed_in", models.CharField(blank=True, default="", max_length=10)),
                        ("error", models.TextField(blank=True, default="")),
                        ("stage", models.CharField(blank=True, default="", max_length=40)),
                        ("cursor", models.BigIntegerField(default=0)),
                        ("progress", models.PositiveSmallIntegerField(default=0)),
                        ("counts", models.JSONField(default=dict)),
                        ("report", models.JSONField(default=dict)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("runner", models.CharField(blank=True, default="", max_length=36)),
                        ("claimed_until", models.DateTimeField(null=True)),
                        ("actor", models.CharField(blank=True, default="", max_length=40)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("checked_at", models.DateTimeField(null=True)),
                        ("started_at", models.DateTimeField(null=True)),
                        ("finished_at", models.DateTimeField(null=True)),
                        ("undone_at", models.DateTimeField(null=True)),
                        ("file_deleted_at", models.DateTimeField(null=True)),
                        (
                            "created_by",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="imports_batch_recent",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("sha256"), name="imports_batch_sha256"
                            ),
                            models.Index(
                                models.F("claimed_until"),
                                condition=models.Q(("state__in", ["checking", "running", "undoing"])),
                                name="imports_batch_working",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="KeptRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("model", models.CharField(max_length=40)),
                        ("object_id", models.BigIntegerField()),
                        ("label", models.CharField(max_length=200)),
                        ("reason", models.CharField(max_length=200)),
                        (
                            "batch",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="kept",
                                to="imports.importbatch",
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
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "batch", "model", "object_id"), name="imports_kept_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RefusedRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("row", models.BigIntegerField()),
                        ("column", models.CharField(blank=True, default="", max_length=160)),
                        ("code", models.CharField(max_length=40)),
                        ("message", models.TextField()),
                        (
                            "raw",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.TextField(), default=list, size=None
                            ),
                        ),
                        (
                            "batch",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="refused",
                                to="imports.importbatch",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "batch", "row"], name="imports_refused_of")
                        ],
                    },
                ),
            ],
        ),
    ]
