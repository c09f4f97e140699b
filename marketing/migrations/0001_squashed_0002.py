"""The tables of a new database at once: 0001 to 0002 in one, which a database that has them takes as done."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("marketing", "0001_initial"), ("marketing", "0002_sending_window")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
        ("customers", "0001_squashed_0025"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Attribution",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("order_id", models.BigIntegerField()),
                        (
                            "net",
                            crm.lib.money.MoneyField(
                                decimal_places=4,
                                default=0,
                                max_digits=19,
                                verbose_name="net in the shop's currency",
                            ),
                        ),
                        ("clicked_at", models.DateTimeField()),
                        ("ordered_at", models.DateTimeField()),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
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
                            "campaign",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="attributions",
                                to="marketing.campaign",
                            ),
                        ),
                        (
                            "delivery",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="marketing.delivery",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("campaign"),
                                name="marketing_attribution_campaign",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "order_id"), name="marketing_attribution_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Campaign",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "subject",
                            models.CharField(blank=True, default="", max_length=300, verbose_name="subject"),
                        ),
                        (
                            "preheader",
                            models.CharField(
                                blank=True, default="", max_length=200, verbose_name="preview line"
                            ),
                        ),
                        (
                            "body",
                            models.TextField(
                                blank=True, default="", max_length=300000, verbose_name="content"
                            ),
                        ),
                        (
                            "text",
                            models.TextField(
                                blank=True, default="", max_length=300000, verbose_name="plain text"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("scheduled", "Scheduled"),
                                    ("sending", "Sending"),
                                    ("paused", "Paused"),
                                    ("sent", "Sent"),
                                    ("cancelled", "Cancelled"),
                                ],
                                default="draft",
                                max_length=10,
                            ),
                        ),
                        (
                            "audience",
                            models.CharField(
                                choices=[("segment", "A segment"), ("everyone", "Everyone who allowed mail")],
                                default="segment",
                                max_length=10,
                                verbose_name="audience",
                            ),
                        ),
                        (
                            "sender_name",
                            models.CharField(
                                blank=True, default="", max_length=120, verbose_name="sender name"
                            ),
                        ),
                        (
                            "sender_email",
                            models.EmailField(
                                blank=True, default="", max_length=254, verbose_name="sender address"
                            ),
                        ),
                        (
                            "reply_to",
                            models.EmailField(
                                blank=True, default="", max_length=254, verbose_name="answers go to"
                            ),
                        ),
                        ("tracks", models.BooleanField(default=True, verbose_name="count opens and clicks")),
                        ("scheduled_at", models.DateTimeField(blank=True, null=True, verbose_name="send at")),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("frozen_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("trouble", models.CharField(blank=True, default="", max_length=500)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "created_by",
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
                            "segment",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="campaigns",
                                to="marketing.segment",
                                verbose_name="segment",
                            ),
                        ),
                        (
                            "template",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="marketing.template",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="marketing_campaign_recent",
                            ),
                            models.Index(
                                models.F("state"),
                                models.F("scheduled_at"),
                                condition=models.Q(("state__in", ["scheduled", "sending"])),
                                name="marketing_campaign_due",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "scheduled"), _negated=True),
                                    ("scheduled_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="marketing_campaign_when",
                            )
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
                        ("address", models.CharField(blank=True, default="", max_length=320)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("sending", "Being handed over"),
                                    ("sent", "Sent"),
                                    ("failed", "Failed"),
                                    ("deferred", "Put off"),
                                    ("unknown", "Unknown"),
                                    ("skipped", "Not sent"),
                                ],
                                default="queued",
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, default="", max_length=40)),
                        ("message_id", models.CharField(max_length=200)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("run_id", models.BigIntegerField(null=True)),
                        ("sending_at", models.DateTimeField(null=True)),
                        ("sent_at", models.DateTimeField(null=True)),
                        ("receipt", models.CharField(blank=True, default="", max_length=500)),
                        ("opened_at", models.DateTimeField(null=True)),
                        ("clicked_at", models.DateTimeField(null=True)),
                        ("unsubscribed_at", models.DateTimeField(null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "campaign",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="marketing.campaign",
                            ),
                        ),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="mail_deliveries",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("campaign"),
                                models.F("due_at"),
                                models.F("id"),
                                condition=models.Q(("state__in", ["queued", "deferred"])),
                                name="marketing_delivery_due",
                            ),
                            models.Index(
                                models.F("run_id"),
                                models.F("sending_at"),
                                models.F("id"),
                                condition=models.Q(("state", "sending")),
                                name="marketing_delivery_held",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("campaign"),
                                models.F("state"),
                                models.F("reason"),
                                models.F("id"),
                                name="marketing_delivery_counts",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("sent_at"), descending=True),
                                condition=models.Q(("state", "sent")),
                                name="marketing_delivery_person",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("opened_at"),
                                condition=models.Q(("opened_at__isnull", False)),
                                include=("customer", "clicked_at"),
                                name="marketing_delivery_opened",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("address", ""), _negated=True),
                                fields=("merchant", "campaign", "address"),
                                name="marketing_delivery_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Engagement",
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
                                choices=[("open", "Opened"), ("click", "Clicked"), ("unsub", "Unsubscribed")],
                                max_length=5,
                            ),
                        ),
                        (
                            "label",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("", "A person"),
                                    ("prefetch", "Loaded ahead by the mail program"),
                                    ("proxy", "Loaded by a privacy proxy"),
                                    ("scanner", "Looked at by a security scanner"),
                                    ("head", "Only asked whether it exists"),
                                ],
                                default="",
                                max_length=8,
                            ),
                        ),
                        ("user_agent", models.CharField(blank=True, default="", max_length=200)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "delivery",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="engagements",
                                to="marketing.delivery",
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
                            "link",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="engagements",
                                to="marketing.link",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("delivery"),
                                models.OrderBy(models.F("at"), descending=True),
                                name="marketing_engagement_of",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("link"),
                                condition=models.Q(("label", ""), ("link__isnull", False)),
                                name="marketing_engagement_link",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Enrolment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(blank=True, default="", max_length=100)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("active", "On the way"),
                                    ("finished", "Arrived"),
                                    ("left", "Left on the way"),
                                    ("failed", "Stuck"),
                                ],
                                default="active",
                                max_length=8,
                            ),
                        ),
                        ("step", models.CharField(blank=True, default="", max_length=20)),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("reason", models.CharField(blank=True, default="", max_length=200)),
                        ("event_id", models.BigIntegerField(null=True)),
                        ("entered_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
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
                            "journey",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="enrolments",
                                to="marketing.journey",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                models.F("id"),
                                condition=models.Q(("state", "active")),
                                name="marketing_enrolment_due",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("journey"),
                                models.OrderBy(models.F("entered_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="marketing_enrolment_of",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("customer"), name="marketing_enrolment_person"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "journey", "customer", "key"),
                                name="marketing_enrolment_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Journey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        (
                            "state",
                            models.CharField(
                                choices=[("draft", "Draft"), ("running", "Running"), ("stopped", "Stopped")],
                                default="draft",
                                max_length=8,
                            ),
                        ),
                        ("trigger", models.CharField(max_length=80, verbose_name="starts when")),
                        ("filter", models.JSONField(blank=True, default=dict)),
                        (
                            "once",
                            models.CharField(
                                choices=[
                                    ("customer", "Once for each customer"),
                                    ("subject", "Once for each order, ticket or review"),
                                ],
                                default="customer",
                                max_length=8,
                                verbose_name="how often",
                            ),
                        ),
                        ("steps", models.JSONField(default=list)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "created_by",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("updated_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="marketing_journey_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("trigger"),
                                condition=models.Q(("state", "running")),
                                name="marketing_journey_trigger",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Link",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("target", models.TextField()),
                        (
                            "campaign",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="links",
                                to="marketing.campaign",
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
                                fields=("merchant", "campaign", "number"), name="marketing_link_number"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Passage",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("step", models.CharField(max_length=20)),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("done", "Done"),
                                    ("skipped", "Not done"),
                                    ("yes", "Yes"),
                                    ("no", "No"),
                                ],
                                default="done",
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, default="", max_length=60)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "enrolment",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="passages",
                                to="marketing.enrolment",
                            ),
                        ),
                        (
                            "journey",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="marketing.journey",
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
                                fields=["merchant", "journey", "step", "outcome"],
                                name="marketing_passage_counts",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "enrolment", "step"), name="marketing_passage_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Segment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        ("definition", models.JSONField(default=dict)),
                        ("members_count", models.PositiveIntegerField(default=0)),
                        ("built_at", models.DateTimeField(blank=True, null=True)),
                        ("build_seconds", models.FloatField(blank=True, null=True)),
                        ("trouble", models.CharField(blank=True, default="", max_length=300)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "created_by",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("updated_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="marketing_segment_recent",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                models.F("merchant"),
                                django.db.models.functions.text.Lower("name"),
                                condition=models.Q(("archived_at__isnull", True)),
                                name="marketing_segment_name",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SegmentMember",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("entered_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
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
                            "segment",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="members",
                                to="marketing.segment",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "customer"], name="marketing_member_of")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "segment", "customer"), name="marketing_member_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SendingPolicy",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "cap_count",
                            models.PositiveSmallIntegerField(default=0, verbose_name="mails at most"),
                        ),
                        ("cap_days", models.PositiveSmallIntegerField(default=7, verbose_name="within days")),
                        ("quiet_from", models.TimeField(blank=True, null=True, verbose_name="quiet from")),
                        ("quiet_until", models.TimeField(blank=True, null=True, verbose_name="quiet until")),
                        (
                            "attribution_days",
                            models.PositiveSmallIntegerField(
                                default=5, verbose_name="orders count for a click within days"
                            ),
                        ),
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
                            models.UniqueConstraint(fields=("merchant",), name="marketing_policy_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SendingRun",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("beat_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("window", models.PositiveSmallIntegerField(default=16)),
                        ("told_until", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "campaign",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="runs",
                                to="marketing.campaign",
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
                                models.F("beat_at"),
                                condition=models.Q(("ended_at__isnull", True)),
                                name="marketing_run_alive",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("campaign"), name="marketing_run_campaign"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StepMail",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("step", models.CharField(max_length=20)),
                        ("number", models.PositiveIntegerField(default=1)),
                        ("template_id", models.BigIntegerField()),
                        ("template_at", models.DateTimeField()),
                        (
                            "campaign",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="journey_mails",
                                to="marketing.campaign",
                            ),
                        ),
                        (
                            "journey",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="mails",
                                to="marketing.journey",
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
                            models.Index(fields=["merchant", "campaign"], name="marketing_stepmail_campaign")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "journey", "step", "number"),
                                name="marketing_stepmail_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Template",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "subject",
                            models.CharField(blank=True, default="", max_length=300, verbose_name="subject"),
                        ),
                        (
                            "preheader",
                            models.CharField(
                                blank=True, default="", max_length=200, verbose_name="preview line"
                            ),
                        ),
                        (
                            "body",
                            models.TextField(
                                blank=True, default="", max_length=300000, verbose_name="content"
                            ),
                        ),
                        (
                            "text",
                            models.TextField(
                                blank=True, default="", max_length=300000, verbose_name="plain text"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
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
                                models.OrderBy(models.F("updated_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="marketing_template_recent",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TouchedCustomer",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("customer_id", models.BigIntegerField()),
                        ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                        "indexes": [models.Index(fields=["due_at"], name="marketing_touched_due")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "customer_id"), name="marketing_touched_once"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
