"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("events", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="BeatSlot",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("job", models.CharField(max_length=80)),
                        ("slot", models.CharField(max_length=40)),
                        ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("job", "slot"), name="events_beatslot_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("handler", models.CharField(max_length=80)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "Waiting"),
                                    ("failed", "Failed, will be tried again"),
                                    ("dead", "Given up"),
                                    ("done", "Done"),
                                ],
                                default="pending",
                                max_length=8,
                            ),
                        ),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error", models.TextField(blank=True, default="")),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("done_at", models.DateTimeField(null=True)),
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
                            "event",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="events.event",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                models.F("id"),
                                condition=models.Q(("state__in", ["pending", "failed"])),
                                name="events_delivery_due",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("id"), descending=True),
                                condition=models.Q(("state__in", ["failed", "dead"])),
                                name="events_delivery_trouble",
                            ),
                            models.Index(
                                models.F("done_at"),
                                condition=models.Q(("state", "done")),
                                name="events_delivery_done",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "event", "handler"), name="events_delivery_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("customer_id", models.BigIntegerField(null=True)),
                        ("subject_type", models.CharField(blank=True, default="", max_length=40)),
                        ("subject_id", models.BigIntegerField(null=True)),
                        ("actor", models.CharField(blank=True, default="", max_length=40)),
                        ("data", models.JSONField(default=dict)),
                        ("dedupe_key", models.CharField(max_length=200, null=True)),
                        ("backfill", models.BooleanField(default=False)),
                        ("occurred_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                                models.F("customer_id"),
                                models.OrderBy(models.F("occurred_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                condition=models.Q(("customer_id__isnull", False)),
                                name="events_event_customer",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("subject_type"),
                                models.F("subject_id"),
                                models.F("occurred_at"),
                                condition=models.Q(("subject_id__isnull", False)),
                                name="events_event_subject",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("actor"),
                                models.OrderBy(models.F("id"), descending=True),
                                condition=models.Q(("actor", ""), _negated=True),
                                name="events_event_actor",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("name"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="events_event_name",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("dedupe_key__isnull", False)),
                                fields=("merchant", "name", "dedupe_key"),
                                name="events_event_once",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
