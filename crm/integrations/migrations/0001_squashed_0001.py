"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import crm.integrations.models.webhook
import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("integrations", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Connection",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                        ("platform", models.CharField(max_length=20)),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
                        (
                            "state",
                            models.CharField(
                                choices=[("active", "Connected"), ("paused", "Paused")],
                                default="active",
                                max_length=6,
                            ),
                        ),
                        ("credentials", models.TextField(blank=True, default="")),
                        ("cursor", models.JSONField(blank=True, default=dict)),
                        ("fetch_due_at", models.DateTimeField(blank=True, null=True)),
                        ("fetch_attempts", models.PositiveSmallIntegerField(default=0)),
                        ("fetch_error", models.TextField(blank=True, default="")),
                        ("fetched_at", models.DateTimeField(blank=True, null=True)),
                        ("last_hook_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "created_by",
                            models.ForeignKey(
                                blank=True,
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
                                fields=["merchant", "created_at"], name="integrations_connection_list"
                            ),
                            models.Index(
                                models.F("fetch_due_at"),
                                condition=models.Q(("fetch_due_at__isnull", False), ("state", "active")),
                                name="integrations_connection_due",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InboundHook",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("source_id", models.CharField(max_length=200)),
                        ("topic", models.CharField(max_length=80)),
                        ("body", models.BinaryField(default=b"")),
                        ("backfill", models.BooleanField(default=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "Waiting"),
                                    ("failed", "Failed, will be tried again"),
                                    ("done", "Done"),
                                    ("ignored", "Ignored"),
                                    ("refused", "Refused"),
                                ],
                                default="pending",
                                max_length=8,
                            ),
                        ),
                        ("result", models.TextField(blank=True, default="")),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("done_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "connection",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="hooks",
                                to="integrations.connection",
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
                                models.F("due_at"),
                                models.F("id"),
                                condition=models.Q(("state__in", ["pending", "failed"])),
                                name="integrations_hook_due",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("connection"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="integrations_hook_recent",
                            ),
                            models.Index(
                                models.F("received_at"),
                                condition=models.Q(("body", b""), _negated=True),
                                name="integrations_hook_body",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "connection", "source_id"), name="integrations_hook_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="OutboundMail",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("to", models.CharField(max_length=320)),
                        ("subject", models.CharField(max_length=300)),
                        ("text", models.TextField(blank=True, default="")),
                        ("html", models.TextField(blank=True, default="")),
                        ("headers", models.JSONField(blank=True, default=dict)),
                        ("message_id", models.CharField(max_length=200)),
                        ("purpose", models.CharField(max_length=40)),
                        ("dedupe_key", models.CharField(max_length=200, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[("queued", "Waiting"), ("sent", "Sent"), ("failed", "Refused")],
                                default="queued",
                                max_length=6,
                            ),
                        ),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error", models.TextField(blank=True, default="")),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        ("sent_at", models.DateTimeField(blank=True, null=True)),
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
                                models.F("due_at"),
                                condition=models.Q(("state", "queued")),
                                name="integrations_mail_due",
                            ),
                            models.Index(
                                models.F("sent_at"),
                                condition=models.Q(("state", "sent")),
                                name="integrations_mail_sent",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("dedupe_key__isnull", False)),
                                fields=("merchant", "dedupe_key"),
                                name="integrations_mail_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WebhookAttempt",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("event_id", models.BigIntegerField(blank=True, null=True)),
                        ("event_name", models.CharField(max_length=80)),
                        (
                            "message_id",
                            models.CharField(
                                default=crm.integrations.models.webhook.fresh_message_id, max_length=60
                            ),
                        ),
                        ("body", models.TextField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "Waiting"),
                                    ("delivered", "Delivered"),
                                    ("failed", "Given up"),
                                ],
                                default="pending",
                                max_length=9,
                            ),
                        ),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("tries", models.JSONField(default=list)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("done_at", models.DateTimeField(blank=True, null=True)),
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
                            "endpoint",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="attempts",
                                to="integrations.webhookendpoint",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                models.F("id"),
                                condition=models.Q(("state", "pending")),
                                name="integrations_attempt_due",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("endpoint"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="integrations_attempt_recent",
                            ),
                            models.Index(
                                models.F("done_at"),
                                condition=models.Q(("done_at__isnull", False)),
                                name="integrations_attempt_old",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("event_id__isnull", False)),
                                fields=("merchant", "endpoint", "event_id"),
                                name="integrations_attempt_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WebhookEndpoint",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "name",
                            models.CharField(blank=True, default="", max_length=80, verbose_name="name"),
                        ),
                        ("url", models.URLField(max_length=500, verbose_name="address")),
                        ("secret", models.TextField()),
                        (
                            "events",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=80), default=list, size=None
                            ),
                        ),
                        ("is_active", models.BooleanField(default=True)),
                        ("failing_since", models.DateTimeField(blank=True, null=True)),
                        ("disabled_at", models.DateTimeField(blank=True, null=True)),
                        ("disabled_reason", models.CharField(blank=True, default="", max_length=200)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
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
                                condition=models.Q(("is_active", True)),
                                fields=["merchant"],
                                name="integrations_endpoint_active",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
