"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy
import service.models.desk


class Migration(migrations.Migration):
    replaces = [("service", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
        ("customers", "0001_squashed_0025"),
        ("integrations", "0001_squashed_0001"),
        ("orders", "0001_squashed_0006"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="BusinessHours",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "days",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.SmallIntegerField(),
                                default=service.models.desk.every_day,
                                size=None,
                                verbose_name="days",
                            ),
                        ),
                        ("opens", models.TimeField(default=datetime.time(9, 0), verbose_name="opens")),
                        ("closes", models.TimeField(default=datetime.time(21, 0), verbose_name="closes")),
                        (
                            "holidays",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.DateField(),
                                blank=True,
                                default=list,
                                size=None,
                                verbose_name="closed on",
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
                            models.UniqueConstraint(fields=("merchant",), name="service_hours_once"),
                            models.CheckConstraint(
                                condition=models.Q(("closes__gt", models.F("opens"))),
                                name="service_hours_order",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Draft",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("inbound", "From the customer"),
                                    ("outbound", "Answer"),
                                    ("note", "Note"),
                                ],
                                default="outbound",
                                max_length=8,
                            ),
                        ),
                        ("text", models.TextField(max_length=50000)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "author",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
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
                            "ticket",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="drafts",
                                to="service.ticket",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "ticket", "author"), name="service_draft_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Entry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("inbound", "From the customer"),
                                    ("outbound", "Answer"),
                                    ("note", "Note"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[
                                    ("portal", "Portal"),
                                    ("email", "E-mail"),
                                    ("form", "Contact form"),
                                    ("phone", "Phone"),
                                    ("api", "API"),
                                    ("watch", "Opened by itself"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("author_name", models.CharField(blank=True, default="", max_length=200)),
                        ("text", models.TextField(max_length=50000)),
                        ("html", models.TextField(blank=True, default="")),
                        ("quoted", models.TextField(blank=True, default="")),
                        ("message_id", models.CharField(blank=True, default="", max_length=300)),
                        ("dedupe_key", models.CharField(blank=True, max_length=200, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "author",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.membership",
                            ),
                        ),
                        (
                            "mail",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="integrations.outboundmail",
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
                            "ticket",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="entries",
                                to="service.ticket",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["merchant", "ticket", "created_at", "id"], name="service_entry_of"
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("message_id"),
                                condition=models.Q(("message_id", ""), _negated=True),
                                name="service_entry_message",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("dedupe_key__isnull", False)),
                                fields=("merchant", "dedupe_key"),
                                name="service_entry_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Macro",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
                        ("text", models.TextField(max_length=5000, verbose_name="text")),
                        ("is_active", models.BooleanField(default=True, verbose_name="offered")),
                        ("used_count", models.PositiveIntegerField(default=0)),
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
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant", "name"), name="service_macro_name")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ServiceSettings",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "vip_tiers",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=40),
                                blank=True,
                                default=service.models.desk.best_tiers,
                                size=None,
                                verbose_name="tiers that come first",
                            ),
                        ),
                        (
                            "big_order",
                            crm.lib.money.MoneyField(
                                blank=True,
                                decimal_places=4,
                                default=1000,
                                max_digits=19,
                                null=True,
                                verbose_name="an order of this worth comes first",
                            ),
                        ),
                        (
                            "late_parcels",
                            models.BooleanField(
                                default=True, verbose_name="a late parcel opens a ticket by itself"
                            ),
                        ),
                        (
                            "reply_address",
                            models.EmailField(
                                blank=True, default="", max_length=254, verbose_name="address for replies"
                            ),
                        ),
                        (
                            "mailbox_host",
                            models.CharField(
                                blank=True, default="", max_length=200, verbose_name="IMAP server"
                            ),
                        ),
                        ("mailbox_port", models.PositiveIntegerField(default=993, verbose_name="port")),
                        (
                            "mailbox_user",
                            models.CharField(
                                blank=True, default="", max_length=200, verbose_name="user name"
                            ),
                        ),
                        ("mailbox_secret", models.TextField(blank=True, default="")),
                        ("mailbox_tls", models.BooleanField(default=True, verbose_name="TLS")),
                        ("mailbox_state", models.JSONField(blank=True, default=dict)),
                        ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                            models.UniqueConstraint(fields=("merchant",), name="service_settings_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SlaPolicy",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "priority",
                            models.CharField(
                                choices=[
                                    ("low", "Low"),
                                    ("normal", "Normal"),
                                    ("high", "High"),
                                    ("urgent", "Urgent"),
                                ],
                                max_length=6,
                                verbose_name="priority",
                            ),
                        ),
                        (
                            "first_response_minutes",
                            models.PositiveIntegerField(verbose_name="minutes to the first answer"),
                        ),
                        (
                            "resolve_minutes",
                            models.PositiveIntegerField(verbose_name="minutes to the solution"),
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
                                fields=("merchant", "priority"), name="service_sla_priority"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Ticket",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("subject", models.CharField(max_length=200, verbose_name="subject")),
                        (
                            "channel",
                            models.CharField(
                                choices=[
                                    ("portal", "Portal"),
                                    ("email", "E-mail"),
                                    ("form", "Contact form"),
                                    ("phone", "Phone"),
                                    ("api", "API"),
                                    ("watch", "Opened by itself"),
                                ],
                                max_length=6,
                                verbose_name="channel",
                            ),
                        ),
                        (
                            "cause",
                            models.CharField(
                                choices=[("asked", "A question"), ("late_parcel", "A late parcel")],
                                default="asked",
                                max_length=12,
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("open", "Open"),
                                    ("pending", "Waiting for customer"),
                                    ("snoozed", "Snoozed"),
                                    ("solved", "Solved"),
                                ],
                                default="open",
                                max_length=8,
                                verbose_name="status",
                            ),
                        ),
                        (
                            "priority",
                            models.CharField(
                                choices=[
                                    ("low", "Low"),
                                    ("normal", "Normal"),
                                    ("high", "High"),
                                    ("urgent", "Urgent"),
                                ],
                                default="normal",
                                max_length=6,
                                verbose_name="priority",
                            ),
                        ),
                        ("priority_reasons", models.JSONField(blank=True, default=list)),
                        ("review_id", models.BigIntegerField(blank=True, null=True)),
                        ("contact_name", models.CharField(blank=True, default="", max_length=200)),
                        ("contact_email", models.CharField(blank=True, default="", max_length=320)),
                        ("contact_phone", models.CharField(blank=True, default="", max_length=20)),
                        ("language", models.CharField(blank=True, default="", max_length=10)),
                        ("preview", models.CharField(blank=True, default="", max_length=200)),
                        ("unread", models.BooleanField(default=False)),
                        ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("last_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("last_inbound_at", models.DateTimeField(blank=True, null=True)),
                        ("waiting_since", models.DateTimeField(blank=True, null=True)),
                        ("first_response_due_at", models.DateTimeField(blank=True, null=True)),
                        ("first_responded_at", models.DateTimeField(blank=True, null=True)),
                        ("resolve_due_at", models.DateTimeField(blank=True, null=True)),
                        ("resolve_seconds_left", models.IntegerField(blank=True, null=True)),
                        ("due_at", models.DateTimeField(blank=True, null=True)),
                        ("snoozed_until", models.DateTimeField(blank=True, null=True)),
                        ("solved_at", models.DateTimeField(blank=True, null=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "assignee",
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
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="tickets",
                                to="customers.customer",
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
                            "order",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="tickets",
                                to="orders.order",
                            ),
                        ),
                        (
                            "rma",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="orders.return",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("due_at"), nulls_last=True),
                                models.F("id"),
                                condition=models.Q(("status", "open")),
                                name="service_ticket_open",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("assignee"),
                                models.F("due_at"),
                                condition=models.Q(("status__in", ["open", "pending", "snoozed"])),
                                name="service_ticket_assignee",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("status"),
                                models.OrderBy(models.F("last_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="service_ticket_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("last_at"), descending=True),
                                name="service_ticket_customer",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("order"),
                                condition=models.Q(("order__isnull", False)),
                                name="service_ticket_order",
                            ),
                            models.Index(
                                models.F("snoozed_until"),
                                condition=models.Q(("status", "snoozed")),
                                name="service_ticket_snoozed",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "number"), name="service_ticket_number"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("cause", "late_parcel"), ("order__isnull", False)),
                                fields=("merchant", "order"),
                                name="service_ticket_late_once",
                            ),
                        ],
                    },
                ),
            ],
        ),
    ]
