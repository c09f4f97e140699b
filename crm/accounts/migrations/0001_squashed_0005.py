"""The tables of a new database at once: 0001 to 0005 in one, which a database that has them takes as done."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations, models

import crm.accounts.models
import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_saved_views"),
        ("accounts", "0003_notices_and_zones"),
        ("accounts", "0004_handover_and_assignment"),
        ("accounts", "0005_key_bounds"),
    ]

    initial = True

    dependencies = []

    operations = [
        # What the indexes of every app need: trigrams for search, scalar columns inside GIN indexes.
        TrigramExtension(),
        BtreeGinExtension(),
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="ApiKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
                        ("prefix", models.CharField(max_length=12, unique=True)),
                        ("digest", models.CharField(max_length=64)),
                        (
                            "scopes",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=30), default=list, size=None
                            ),
                        ),
                        (
                            "bound",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("", "The whole shop"),
                                    ("team", "A team's customers"),
                                    ("region", "A region's customers"),
                                ],
                                default="",
                                max_length=6,
                                verbose_name="sees",
                            ),
                        ),
                        (
                            "region",
                            models.CharField(blank=True, default="", max_length=60, verbose_name="region"),
                        ),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
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
                        (
                            "team",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.team",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "-created_at"], name="accounts_apikey_recent")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("bound", "region"), ("region", ""), _negated=True),
                                name="accounts_apikey_region_named",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AssignmentRule",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("subject", models.CharField(max_length=20)),
                        ("name", models.CharField(max_length=60, verbose_name="name")),
                        ("position", models.PositiveIntegerField(default=0)),
                        ("is_default", models.BooleanField(default=False)),
                        ("is_active", models.BooleanField(default=True, verbose_name="in use")),
                        ("conditions", models.JSONField(blank=True, default=dict)),
                        (
                            "people",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, default=list, size=None
                            ),
                        ),
                        (
                            "method",
                            models.CharField(
                                choices=[("turns", "By turns"), ("least", "Whoever has least open")],
                                default="turns",
                                max_length=5,
                            ),
                        ),
                        ("last_given", models.BigIntegerField(blank=True, null=True)),
                        ("given_count", models.PositiveIntegerField(default=0)),
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
                        (
                            "team",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.team",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["merchant", "subject", "position"], name="accounts_assignment_order"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("is_default", True)),
                                fields=("merchant", "subject"),
                                name="accounts_assignment_one_default",
                            ),
                            models.UniqueConstraint(
                                fields=("merchant", "subject", "name"), name="accounts_assignment_name"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Counter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("series", models.CharField(max_length=20)),
                        ("value", models.PositiveIntegerField(default=0)),
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
                                fields=("merchant", "series"), name="accounts_counter_series"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DefaultView",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("list_key", models.CharField(max_length=20)),
                        (
                            "member",
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
                            "view",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.savedview",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "member", "list_key"), name="accounts_defaultview_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ExchangeRate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("currency", crm.lib.money.CurrencyField(max_length=3, verbose_name="currency")),
                        ("rate", models.DecimalField(decimal_places=8, max_digits=18, verbose_name="rate")),
                        ("valid_from_on", models.DateField(verbose_name="valid from")),
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
                                fields=("merchant", "currency", "valid_from_on"), name="accounts_rate_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("rate__gt", 0)), name="accounts_rate_positive"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Handover",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("open", "To be handed over"),
                                    ("done", "Handed over"),
                                    ("returned", "Came back"),
                                ],
                                default="open",
                                max_length=8,
                            ),
                        ),
                        ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "member",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="accounts_handover_recent",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "open")),
                                fields=("merchant", "member"),
                                name="accounts_handover_one_open",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HandoverMove",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("actor", models.CharField(blank=True, default="", max_length=80)),
                        (
                            "how",
                            models.CharField(
                                choices=[
                                    ("person", "Everything to one person"),
                                    ("even", "Evenly, to whoever has least"),
                                    ("region", "By region"),
                                    ("team", "By team"),
                                ],
                                max_length=6,
                            ),
                        ),
                        (
                            "kinds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=20), default=list, size=None
                            ),
                        ),
                        ("ids", models.JSONField(blank=True, null=True)),
                        (
                            "people",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, default=list, size=None
                            ),
                        ),
                        ("rest", models.BigIntegerField(blank=True, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("running", "Being handed over"),
                                    ("done", "Handed over"),
                                    ("undoing", "Being given back"),
                                    ("undone", "Given back"),
                                ],
                                default="running",
                                max_length=7,
                            ),
                        ),
                        ("place", models.PositiveSmallIntegerField(default=0)),
                        ("cursor", models.BigIntegerField(default=0)),
                        ("total", models.IntegerField(default=0)),
                        ("seen", models.IntegerField(default=0)),
                        ("given", models.IntegerField(default=0)),
                        ("returned", models.IntegerField(default=0)),
                        ("stayed", models.IntegerField(default=0)),
                        ("loads", models.JSONField(blank=True, default=dict)),
                        ("receipt", models.JSONField(blank=True, default=dict)),
                        ("tell", models.BooleanField(default=False)),
                        ("tell_subject", models.CharField(blank=True, default="", max_length=200)),
                        ("tell_text", models.TextField(blank=True, default="", max_length=5000)),
                        ("told", models.IntegerField(default=0)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("worked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("undone_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "handover",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="moves",
                                to="accounts.handover",
                            ),
                        ),
                        (
                            "by",
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
                                models.F("handover"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="accounts_handovermove_of",
                            ),
                            models.Index(
                                models.F("worked_at"),
                                condition=models.Q(("state__in", ["running", "undoing"])),
                                name="accounts_handovermove_works",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["running", "undoing"])),
                                fields=("merchant", "handover"),
                                name="accounts_handovermove_one_works",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HandoverRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=20)),
                        ("row_id", models.BigIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("given", "Given"),
                                    ("back", "Given back"),
                                    ("stayed", "Stayed, changed since"),
                                ],
                                default="given",
                                max_length=6,
                            ),
                        ),
                        (
                            "move",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rows",
                                to="accounts.handovermove",
                            ),
                        ),
                        (
                            "receiver",
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
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "move", "kind", "row_id"),
                                name="accounts_handoverrow_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("owner", "Owner"),
                                    ("manager", "Manager"),
                                    ("marketer", "Marketer"),
                                    ("agent", "Agent"),
                                    ("analyst", "Analyst"),
                                    ("viewer", "Viewer"),
                                ],
                                default="agent",
                                max_length=10,
                                verbose_name="role",
                            ),
                        ),
                        (
                            "region",
                            models.CharField(blank=True, default="", max_length=60, verbose_name="region"),
                        ),
                        (
                            "visibility",
                            models.CharField(
                                choices=[
                                    ("own", "Only their own"),
                                    ("team", "Their team's"),
                                    ("all", "Everything"),
                                ],
                                default="all",
                                max_length=4,
                                verbose_name="sees",
                            ),
                        ),
                        ("is_active", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("deactivated_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "merchant",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="accounts.merchant",
                            ),
                        ),
                        (
                            "team",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="memberships",
                                to="accounts.team",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "user"), name="accounts_membership_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Merchant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("slug", models.SlugField(unique=True, verbose_name="short name")),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        (
                            "base_currency",
                            crm.lib.money.CurrencyField(
                                default="CNY", max_length=3, verbose_name="currency of the books"
                            ),
                        ),
                        (
                            "time_zone",
                            models.CharField(
                                default="Asia/Shanghai",
                                max_length=50,
                                validators=[crm.accounts.models.validate_time_zone],
                                verbose_name="time zone",
                            ),
                        ),
                        (
                            "locale",
                            models.CharField(
                                default="en", max_length=10, verbose_name="language of the shop"
                            ),
                        ),
                        ("country", models.CharField(default="CN", max_length=2, verbose_name="country")),
                        (
                            "brand_color",
                            models.CharField(default="#0f766e", max_length=7, verbose_name="brand colour"),
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
                            "support_email",
                            models.EmailField(
                                blank=True, default="", max_length=254, verbose_name="support address"
                            ),
                        ),
                        (
                            "postal_address",
                            models.CharField(
                                blank=True, default="", max_length=300, verbose_name="postal address"
                            ),
                        ),
                        ("website", models.URLField(blank=True, default="", verbose_name="website")),
                        ("is_active", models.BooleanField(default=True)),
                        ("is_demo", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                ),
                migrations.CreateModel(
                    name="Notice",
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
                                    ("reminder", "Reminder"),
                                    ("mention", "Mention"),
                                    ("task", "Task"),
                                    ("handover", "Handover"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("title", models.CharField(max_length=200)),
                        ("line", models.CharField(blank=True, default="", max_length=300)),
                        ("href", models.CharField(max_length=300)),
                        ("dedupe_key", models.CharField(max_length=120)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("read_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "member",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("member"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="accounts_notice_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("member"),
                                condition=models.Q(("read_at__isnull", True)),
                                name="accounts_notice_unread",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "dedupe_key"), name="accounts_notice_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SavedView",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("list_key", models.CharField(max_length=20)),
                        ("name", models.CharField(max_length=60, verbose_name="name")),
                        ("query", models.CharField(blank=True, default="", max_length=2000)),
                        (
                            "audience",
                            models.CharField(
                                choices=[("own", "Only me"), ("team", "A team"), ("all", "Everybody here")],
                                default="own",
                                max_length=4,
                                verbose_name="who sees it",
                            ),
                        ),
                        ("position", models.PositiveIntegerField(default=0)),
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
                        (
                            "owner",
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
                            "team",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.team",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["merchant", "list_key", "position"], name="accounts_view_order"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Team",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
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
                                models.F("merchant"),
                                django.db.models.functions.text.Lower("name"),
                                name="accounts_team_name",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="User",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        (
                            "last_login",
                            models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                        ),
                        ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail")),
                        (
                            "name",
                            models.CharField(blank=True, default="", max_length=120, verbose_name="name"),
                        ),
                        (
                            "language",
                            models.CharField(blank=True, default="", max_length=10, verbose_name="language"),
                        ),
                        (
                            "time_zone",
                            models.CharField(
                                blank=True,
                                default="",
                                max_length=50,
                                validators=[crm.accounts.models.validate_time_zone],
                                verbose_name="time zone",
                            ),
                        ),
                        ("is_active", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                django.db.models.functions.text.Lower("email"), name="accounts_user_email"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
