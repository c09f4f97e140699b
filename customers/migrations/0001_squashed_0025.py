"""The tables of a new database at once: 0001 to 0025 in one, which a database that has them takes as done."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy
from customers.migrations import _consent_holds, _regions


class Migration(migrations.Migration):
    replaces = [
        ("customers", "0001_initial"),
        ("customers", "0002_portalcode_portalsettings"),
        ("customers", "0003_search_documents"),
        ("customers", "0004_erased_index"),
        ("customers", "0005_merging"),
        ("customers", "0006_merged_index"),
        ("customers", "0007_field_definitions"),
        ("customers", "0008_companies"),
        ("customers", "0009_company_documents"),
        ("customers", "0010_tasks"),
        ("customers", "0011_note_mentions"),
        ("customers", "0012_address_kinds"),
        ("customers", "0013_duplicates"),
        ("customers", "0014_erasures"),
        ("customers", "0015_unprofiled_index"),
        ("customers", "0016_bulk_changes"),
        ("customers", "0017_regions"),
        ("customers", "0018_files"),
        ("customers", "0019_consent_wordings"),
        ("customers", "0020_data_packages"),
        ("customers", "0021_retention"),
        ("customers", "0022_bulk_cut_short"),
        ("customers", "0023_notes_and_visits"),
        ("customers", "0024_list_orders"),
        ("customers", "0025_consent_holds"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Address",
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
                                    ("shipping", "Shipping"),
                                    ("billing", "Billing"),
                                    ("home", "Home"),
                                    ("work", "Work"),
                                    ("other", "Other"),
                                ],
                                default="shipping",
                                max_length=8,
                            ),
                        ),
                        ("name", models.CharField(blank=True, default="", max_length=200)),
                        ("line1", models.CharField(blank=True, default="", max_length=300)),
                        ("line2", models.CharField(blank=True, default="", max_length=300)),
                        ("district", models.CharField(blank=True, default="", max_length=100)),
                        ("city", models.CharField(blank=True, default="", max_length=100)),
                        ("province", models.CharField(blank=True, default="", max_length=100)),
                        ("postal_code", models.CharField(blank=True, default="", max_length=20)),
                        ("country", models.CharField(blank=True, default="", max_length=2)),
                        ("phone", models.CharField(blank=True, default="", max_length=20)),
                        ("is_default", models.BooleanField(default=False)),
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
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="addresses",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "customer"], name="customers_address_of")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BulkChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("actor", models.CharField(blank=True, default="", max_length=80)),
                        ("changes", models.JSONField(default=dict)),
                        (
                            "ids",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, null=True, size=None
                            ),
                        ),
                        ("query", models.CharField(blank=True, default="", max_length=2000)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("running", "Being changed"),
                                    ("done", "Changed"),
                                    ("undoing", "Being undone"),
                                    ("undone", "Undone"),
                                ],
                                default="running",
                                max_length=8,
                            ),
                        ),
                        ("cursor", models.BigIntegerField(default=0)),
                        ("last_id", models.BigIntegerField(default=0)),
                        ("total", models.IntegerField(default=0)),
                        ("seen", models.IntegerField(default=0)),
                        ("changed", models.IntegerField(default=0)),
                        ("kept", models.IntegerField(default=0)),
                        ("cut_short", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("worked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "member",
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
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_bulkchange_recent",
                            ),
                            models.Index(
                                models.F("worked_at"),
                                condition=models.Q(("state__in", ["running", "undoing"])),
                                name="customers_bulkchange_open",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BulkChangeRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("before", models.JSONField(default=dict)),
                        (
                            "change",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rows",
                                to="customers.bulkchange",
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
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "customer"], name="customers_bulkrow_of")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "change", "customer"), name="customers_bulkchangerow_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Company",
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
                                    ("customer", "Customer"),
                                    ("distributor", "Distributor"),
                                    ("supplier", "Supplier"),
                                    ("partner", "Partner"),
                                ],
                                default="customer",
                                max_length=12,
                                verbose_name="kind",
                            ),
                        ),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        (
                            "external_id",
                            models.CharField(
                                blank=True, default="", max_length=100, verbose_name="external id"
                            ),
                        ),
                        (
                            "tax_number",
                            models.CharField(
                                blank=True, default="", max_length=40, verbose_name="tax number"
                            ),
                        ),
                        (
                            "registration_number",
                            models.CharField(
                                blank=True, default="", max_length=60, verbose_name="registration number"
                            ),
                        ),
                        (
                            "website",
                            models.CharField(blank=True, default="", max_length=300, verbose_name="website"),
                        ),
                        (
                            "email",
                            models.CharField(blank=True, default="", max_length=320, verbose_name="e-mail"),
                        ),
                        (
                            "phone",
                            models.CharField(blank=True, default="", max_length=20, verbose_name="phone"),
                        ),
                        (
                            "country",
                            models.CharField(blank=True, default="", max_length=2, verbose_name="country"),
                        ),
                        (
                            "region",
                            models.CharField(blank=True, default="", max_length=100, verbose_name="region"),
                        ),
                        (
                            "city",
                            models.CharField(blank=True, default="", max_length=100, verbose_name="city"),
                        ),
                        (
                            "price_group",
                            models.CharField(
                                blank=True, default="", max_length=60, verbose_name="price group"
                            ),
                        ),
                        (
                            "credit_limit",
                            crm.lib.money.MoneyField(
                                blank=True,
                                decimal_places=4,
                                max_digits=19,
                                null=True,
                                verbose_name="credit limit",
                            ),
                        ),
                        (
                            "currency",
                            crm.lib.money.CurrencyField(
                                blank=True, default="", max_length=3, verbose_name="currency"
                            ),
                        ),
                        (
                            "payment_days",
                            models.PositiveSmallIntegerField(
                                blank=True, null=True, verbose_name="days to pay"
                            ),
                        ),
                        (
                            "tags",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=40),
                                blank=True,
                                default=list,
                                size=None,
                                verbose_name="tags",
                            ),
                        ),
                        ("attributes", models.JSONField(blank=True, default=dict, verbose_name="attributes")),
                        (
                            "source",
                            models.CharField(
                                blank=True, default="", max_length=40, verbose_name="first seen through"
                            ),
                        ),
                        ("document", models.TextField(blank=True, default="", editable=False)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
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
                            "merged_into",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="customers.company",
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
                            "parent",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="children",
                                to="customers.company",
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
                        (
                            "located_in",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                editable=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="customers.region",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "name", "id"], name="customers_company_name"),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_company_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("parent"),
                                condition=models.Q(("parent__isnull", False)),
                                name="customers_company_parent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("owner"),
                                condition=models.Q(("owner__isnull", False)),
                                name="customers_company_owner",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("tax_number"),
                                condition=models.Q(("tax_number", ""), _negated=True),
                                name="customers_company_tax",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("located_in"),
                                condition=models.Q(("located_in__isnull", False)),
                                name="customers_company_place",
                            ),
                            django.contrib.postgres.indexes.GinIndex(
                                models.F("merchant"),
                                django.contrib.postgres.indexes.OpClass(
                                    models.F("document"), name="gin_trgm_ops"
                                ),
                                name="customers_company_document",
                            ),
                            django.contrib.postgres.indexes.GinIndex(
                                models.F("merchant"), models.F("attributes"), name="customers_company_attrs"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("external_id", ""), _negated=True),
                                fields=("merchant", "external_id"),
                                name="customers_company_external",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("parent__isnull", True),
                                    models.Q(("parent", models.F("id")), _negated=True),
                                    _connector="OR",
                                ),
                                name="customers_company_not_own_parent",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("credit_limit__isnull", True), ("credit_limit__gte", 0), _connector="OR"
                                ),
                                name="customers_company_credit_positive",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CompanyContact",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "roles",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("buyer", "Buyer"),
                                        ("payable", "Accounts payable"),
                                        ("decides", "Decision maker"),
                                        ("logistics", "Goods in and logistics"),
                                        ("technical", "Technical"),
                                        ("sales", "Sales"),
                                        ("legal", "Legal"),
                                        ("other", "Other"),
                                    ],
                                    max_length=12,
                                ),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        (
                            "title",
                            models.CharField(blank=True, default="", max_length=120, verbose_name="position"),
                        ),
                        ("is_primary", models.BooleanField(default=False, verbose_name="first contact")),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="contact_links",
                                to="customers.company",
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
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="company_links",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "customer"], name="customers_companycontact_of")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "company", "customer"),
                                name="customers_companycontact_once",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("is_primary", True)),
                                fields=("merchant", "company"),
                                name="customers_companycontact_first",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Consent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[("email", "E-mail"), ("sms", "SMS"), ("wechat", "WeChat")],
                                max_length=6,
                            ),
                        ),
                        (
                            "purpose",
                            models.CharField(
                                choices=[
                                    ("marketing", "Marketing"),
                                    ("reviews", "Review requests"),
                                    ("profiling", "Profiling"),
                                ],
                                default="marketing",
                                max_length=10,
                            ),
                        ),
                        ("granted", models.BooleanField()),
                        ("source", models.CharField(max_length=40)),
                        ("wording_version", models.CharField(blank=True, default="", max_length=40)),
                        ("proof", models.JSONField(blank=True, default=dict)),
                        ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("holds", models.BooleanField(db_default=True, default=True, editable=False)),
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
                            "wording",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.RESTRICT,
                                related_name="+",
                                to="customers.consentwording",
                            ),
                        ),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="consents",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.F("channel"),
                                models.F("purpose"),
                                models.OrderBy(models.F("recorded_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_consent_latest",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("channel"),
                                models.F("purpose"),
                                models.F("granted"),
                                models.F("customer"),
                                condition=models.Q(("holds", True)),
                                name="customers_consent_holds",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConsentRequest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[("email", "E-mail"), ("sms", "SMS"), ("wechat", "WeChat")],
                                default="email",
                                max_length=6,
                            ),
                        ),
                        (
                            "purpose",
                            models.CharField(
                                choices=[
                                    ("marketing", "Marketing"),
                                    ("reviews", "Review requests"),
                                    ("profiling", "Profiling"),
                                ],
                                default="marketing",
                                max_length=10,
                            ),
                        ),
                        ("address", models.CharField(max_length=320)),
                        ("source", models.CharField(max_length=40)),
                        ("proof", models.JSONField(blank=True, default=dict)),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField()),
                        ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
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
                            "wording",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.RESTRICT,
                                related_name="+",
                                to="customers.consentwording",
                            ),
                        ),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="consent_requests",
                                to="customers.customer",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("asked_at"), descending=True),
                                name="customers_consentrequest_of",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("expires_at"),
                                name="customers_consentrequest_over",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("cancelled_at__isnull", True), ("confirmed_at__isnull", True)
                                ),
                                fields=("merchant", "customer", "channel", "purpose"),
                                name="customers_consentrequest_open",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConsentSettings",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "double_opt_in",
                            models.BooleanField(
                                default=False, verbose_name="e-mail marketing has to be confirmed by mail"
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
                                fields=("merchant",), name="customers_consentsettings_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConsentWording",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[("email", "E-mail"), ("sms", "SMS"), ("wechat", "WeChat")],
                                max_length=6,
                            ),
                        ),
                        (
                            "purpose",
                            models.CharField(
                                choices=[
                                    ("marketing", "Marketing"),
                                    ("reviews", "Review requests"),
                                    ("profiling", "Profiling"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("language", models.CharField(max_length=10)),
                        ("version", models.PositiveIntegerField()),
                        ("text", models.TextField()),
                        ("digest", models.CharField(max_length=64)),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("created_by", models.CharField(blank=True, default="", max_length=40)),
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
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "channel", "purpose", "language", "version"),
                                name="customers_wording_version",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Customer",
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
                                    ("person", "Person"),
                                    ("contact", "Company contact"),
                                    ("prospect", "Prospect"),
                                    ("distributor", "Distributor"),
                                    ("supplier", "Supplier"),
                                    ("staff", "Staff"),
                                ],
                                default="person",
                                max_length=12,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "stage",
                            models.CharField(
                                choices=[
                                    ("lead", "Lead"),
                                    ("customer", "Customer"),
                                    ("repeat", "Repeat customer"),
                                    ("lapsed", "Lapsed"),
                                ],
                                default="lead",
                                max_length=10,
                                verbose_name="stage",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(blank=True, default="", max_length=200, verbose_name="name"),
                        ),
                        (
                            "given_name",
                            models.CharField(
                                blank=True, default="", max_length=100, verbose_name="given name"
                            ),
                        ),
                        (
                            "family_name",
                            models.CharField(
                                blank=True, default="", max_length=100, verbose_name="family name"
                            ),
                        ),
                        (
                            "email",
                            models.CharField(blank=True, default="", max_length=320, verbose_name="e-mail"),
                        ),
                        (
                            "phone",
                            models.CharField(blank=True, default="", max_length=20, verbose_name="phone"),
                        ),
                        (
                            "language",
                            models.CharField(blank=True, default="", max_length=10, verbose_name="language"),
                        ),
                        (
                            "time_zone",
                            models.CharField(blank=True, default="", max_length=50, verbose_name="time zone"),
                        ),
                        ("birthday_on", models.DateField(blank=True, null=True, verbose_name="birthday")),
                        (
                            "country",
                            models.CharField(blank=True, default="", max_length=2, verbose_name="country"),
                        ),
                        (
                            "region",
                            models.CharField(blank=True, default="", max_length=100, verbose_name="region"),
                        ),
                        (
                            "city",
                            models.CharField(blank=True, default="", max_length=100, verbose_name="city"),
                        ),
                        (
                            "grade",
                            models.CharField(blank=True, default="", max_length=20, verbose_name="grade"),
                        ),
                        (
                            "tags",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=40),
                                blank=True,
                                default=list,
                                size=None,
                                verbose_name="tags",
                            ),
                        ),
                        ("attributes", models.JSONField(blank=True, default=dict, verbose_name="attributes")),
                        (
                            "source",
                            models.CharField(
                                blank=True, default="", max_length=40, verbose_name="first seen through"
                            ),
                        ),
                        ("import_batch_id", models.BigIntegerField(blank=True, null=True)),
                        ("erased_at", models.DateTimeField(blank=True, null=True)),
                        ("split_at", models.DateTimeField(blank=True, null=True)),
                        ("profiling_stopped_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="contacts",
                                to="customers.company",
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
                            "merged_into",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="absorbed",
                                to="customers.customer",
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
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.team",
                            ),
                        ),
                        (
                            "located_in",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                editable=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="customers.region",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_customer_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("name"),
                                models.F("id"),
                                name="customers_customer_name",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("owner"),
                                condition=models.Q(("owner__isnull", False)),
                                name="customers_customer_owner",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("email"),
                                condition=models.Q(("email", ""), _negated=True),
                                name="customers_customer_email",
                            ),
                            models.Index(
                                models.F("merchant"),
                                condition=models.Q(("erased_at__isnull", False)),
                                name="customers_customer_erased",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("merged_into"),
                                condition=models.Q(("merged_into__isnull", False)),
                                name="customers_customer_merged",
                            ),
                            models.Index(
                                models.F("merchant"),
                                condition=models.Q(("profiling_stopped_at__isnull", False)),
                                name="customers_customer_unprofiled",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("company"),
                                condition=models.Q(("company__isnull", False)),
                                name="customers_customer_company",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("import_batch_id"),
                                condition=models.Q(("import_batch_id__isnull", False)),
                                name="customers_customer_batch",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("located_in"),
                                condition=models.Q(("located_in__isnull", False)),
                                name="customers_customer_place",
                            ),
                            django.contrib.postgres.indexes.GinIndex(
                                fields=["merchant", "tags"], name="customers_customer_tags"
                            ),
                            django.contrib.postgres.indexes.GinIndex(
                                models.F("merchant"), models.F("attributes"), name="customers_customer_attrs"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DataPackage",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("public_id", models.UUIDField(default=uuid.uuid4)),
                        ("address", models.CharField(blank=True, default="", max_length=320)),
                        ("grants", models.JSONField(blank=True, default=dict)),
                        (
                            "way",
                            models.CharField(
                                choices=[("portal", "In the portal"), ("staff", "By a colleague")],
                                max_length=6,
                            ),
                        ),
                        ("requested_by", models.CharField(max_length=40)),
                        ("reason", models.CharField(blank=True, default="", max_length=300)),
                        ("language", models.CharField(max_length=10)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Being prepared"),
                                    ("running", "Being written"),
                                    ("ready", "Ready"),
                                    ("expired", "Expired"),
                                    ("failed", "Failed"),
                                ],
                                default="queued",
                                max_length=7,
                            ),
                        ),
                        ("file_path", models.CharField(blank=True, default="", max_length=200)),
                        ("file_size", models.BigIntegerField(default=0)),
                        ("sha256", models.CharField(blank=True, default="", max_length=64)),
                        ("downloads", models.PositiveIntegerField(default=0)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("claimed_until", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="customers_datapackage_of",
                            ),
                            models.Index(
                                models.F("claimed_until"),
                                condition=models.Q(("state__in", ["queued", "running"])),
                                name="customers_datapackage_working",
                            ),
                            models.Index(
                                models.F("expires_at"),
                                condition=models.Q(("state", "ready")),
                                name="customers_datapackage_ready",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "public_id"), name="customers_datapackage_public"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DuplicatePair",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("score", models.FloatField()),
                        ("probability", models.FloatField()),
                        (
                            "band",
                            models.CharField(
                                choices=[("certain", "Certain"), ("likely", "Likely")],
                                max_length=7,
                                verbose_name="certainty",
                            ),
                        ),
                        ("evidence", models.JSONField(default=list)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("open", "To decide"),
                                    ("merged", "Merged"),
                                    ("refused", "Two people"),
                                ],
                                default="open",
                                max_length=7,
                                verbose_name="state",
                            ),
                        ),
                        ("offered_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("compared_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("merge_id", models.BigIntegerField(blank=True, null=True)),
                        (
                            "decided_by",
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
                            "high",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "low",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("score"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                condition=models.Q(("state", "open")),
                                name="customers_duplicate_queue",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_duplicate_recent",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("high"), name="customers_duplicate_high"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "low", "high"), name="customers_duplicate_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ErasedKey",
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
                                    ("email", "E-mail"),
                                    ("phone", "Phone"),
                                    ("unionid", "WeChat"),
                                    ("openid", "WeChat account"),
                                    ("member", "Store member"),
                                    ("visitor", "Visitor"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("scope", models.CharField(blank=True, default="", max_length=40)),
                        ("digest", models.CharField(max_length=64)),
                        ("erased_at", models.DateTimeField()),
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
                            "erasure",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="keys",
                                to="customers.erasure",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "digest"], name="customers_erasedkey_digest"),
                            models.Index(fields=["merchant", "erasure"], name="customers_erasedkey_of"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Erasure",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("customer_id", models.BigIntegerField()),
                        ("customer_created_at", models.DateTimeField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("done", "Erased"),
                                    ("cancelled", "Taken back"),
                                ],
                                default="waiting",
                                max_length=9,
                            ),
                        ),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("asked", "The person asked for it"),
                                    ("consent", "They withdrew the consent it rested on"),
                                    ("purpose", "The data is no longer needed"),
                                    ("unlawful", "The data should never have been kept"),
                                    ("retention", "The time to keep it is over"),
                                    ("replay", "Erased before, brought back by a backup"),
                                ],
                                max_length=9,
                                verbose_name="reason",
                            ),
                        ),
                        ("requested_by", models.CharField(blank=True, default="", max_length=40)),
                        ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("due_at", models.DateTimeField()),
                        ("trouble", models.CharField(blank=True, default="", max_length=200)),
                        ("done_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                        ("counts", models.JSONField(blank=True, default=dict)),
                        ("recorded_at", models.DateTimeField(blank=True, null=True)),
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
                                models.OrderBy(models.F("requested_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_erasure_recent",
                            ),
                            models.Index(
                                models.F("due_at"),
                                condition=models.Q(("state", "waiting")),
                                name="customers_erasure_due",
                            ),
                            models.Index(
                                models.F("id"),
                                condition=models.Q(("recorded_at__isnull", True), ("state", "done")),
                                name="customers_erasure_unwritten",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "waiting")),
                                fields=("merchant", "customer_id"),
                                name="customers_erasure_one_open",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FieldDefinition",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "applies_to",
                            models.CharField(
                                choices=[("customer", "Customers"), ("company", "Companies")],
                                default="customer",
                                max_length=8,
                                verbose_name="belongs to",
                            ),
                        ),
                        ("key", models.CharField(max_length=40, verbose_name="key")),
                        ("label", models.CharField(max_length=80, verbose_name="label")),
                        (
                            "type",
                            models.CharField(
                                choices=[
                                    ("text", "Text"),
                                    ("long", "Long text"),
                                    ("number", "Number"),
                                    ("money", "Amount of money"),
                                    ("yes_no", "Yes or no"),
                                    ("date", "Date"),
                                    ("instant", "Date and time"),
                                    ("choice", "One of a list"),
                                    ("choices", "Several of a list"),
                                    ("email", "E-mail"),
                                    ("phone", "Phone"),
                                    ("url", "Web address"),
                                    ("country", "Country"),
                                    ("member", "Colleague"),
                                    ("customer", "Customer"),
                                    ("company", "Company"),
                                ],
                                max_length=8,
                                verbose_name="type",
                            ),
                        ),
                        (
                            "section",
                            models.CharField(blank=True, default="", max_length=80, verbose_name="section"),
                        ),
                        (
                            "help",
                            models.CharField(blank=True, default="", max_length=300, verbose_name="help"),
                        ),
                        ("is_required", models.BooleanField(default=False, verbose_name="required")),
                        ("is_unique", models.BooleanField(default=False, verbose_name="unique")),
                        ("is_personal", models.BooleanField(default=False, verbose_name="personal")),
                        ("default", models.JSONField(blank=True, null=True)),
                        ("rules", models.JSONField(blank=True, default=dict)),
                        ("choices", models.JSONField(blank=True, default=list)),
                        ("position", models.PositiveIntegerField(default=0)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                        ("deleting_at", models.DateTimeField(blank=True, null=True)),
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
                                models.F("applies_to"),
                                models.F("position"),
                                name="customers_field_order",
                            ),
                            models.Index(
                                models.F("deleting_at"),
                                condition=models.Q(("deleting_at__isnull", False)),
                                name="customers_field_gone",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "applies_to", "key"), name="customers_field_key"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="File",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=200)),
                        ("path", models.CharField(max_length=200)),
                        ("size", models.BigIntegerField()),
                        ("sha256", models.CharField(max_length=64)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="files",
                                to="customers.company",
                            ),
                        ),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="files",
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
                            "uploader",
                            models.ForeignKey(
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
                                models.F("customer"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                condition=models.Q(("customer__isnull", False)),
                                name="customers_file_of",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("company"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                condition=models.Q(("company__isnull", False)),
                                name="customers_file_company",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("customer__isnull", False), ("company__isnull", False), _connector="OR"
                                ),
                                name="customers_file_about",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Identity",
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
                                    ("email", "E-mail"),
                                    ("phone", "Phone"),
                                    ("unionid", "WeChat"),
                                    ("openid", "WeChat account"),
                                    ("member", "Store member"),
                                    ("visitor", "Visitor"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("scope", models.CharField(blank=True, default="", max_length=40)),
                        ("value", models.CharField(max_length=320)),
                        ("source", models.CharField(blank=True, default="", max_length=40)),
                        ("confidence", models.FloatField(default=1.0)),
                        ("verified_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="identities",
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
                            models.Index(fields=["merchant", "customer"], name="customers_identity_of")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "kind", "scope", "value"), name="customers_identity_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="IdentityConflict",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kinds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=8), blank=True, default=list, size=None
                            ),
                        ),
                        ("source", models.CharField(blank=True, default="", max_length=40)),
                        ("times", models.PositiveIntegerField(default=1)),
                        (
                            "state",
                            models.CharField(
                                choices=[("open", "Open"), ("merged", "Merged"), ("apart", "Kept apart")],
                                default="open",
                                max_length=6,
                            ),
                        ),
                        ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "decided_by",
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
                            "first",
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
                            "second",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "record",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="customers.mergerecord",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("seen_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                condition=models.Q(("state", "open")),
                                name="customers_conflict_open",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("seen_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_conflict_recent",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("second"), name="customers_conflict_second"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "first", "second"), name="customers_conflict_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MatchKeys",
                    fields=[
                        (
                            "customer",
                            crm.lib.tenancy.MerchantOneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="customers.customer",
                            ),
                        ),
                        (
                            "keys",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), default=list, size=None
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
                        "verbose_name_plural": "match keys",
                        "indexes": [
                            django.contrib.postgres.indexes.GinIndex(
                                fields=["merchant", "keys"], name="customers_matchkeys_keys"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MatchWeights",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("weights", models.JSONField(default=dict)),
                        ("customers", models.IntegerField(default=0)),
                        ("pairs", models.BigIntegerField(default=0)),
                        ("seconds", models.FloatField(default=0)),
                        ("estimated_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                        "verbose_name_plural": "match weights",
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant",), name="customers_matchweights_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MergeMove",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("model", models.CharField(max_length=60)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("moved", "Moved"),
                                    ("changed", "Changed"),
                                    ("taken", "Taken out"),
                                    ("kept", "Remembered"),
                                ],
                                default="moved",
                                max_length=7,
                            ),
                        ),
                        (
                            "ids",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, default=list, size=None
                            ),
                        ),
                        ("rows", models.JSONField(blank=True, default=list)),
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
                            "record",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="moves",
                                to="customers.mergerecord",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["merchant", "record", "model"], name="customers_mergemove_of"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MergeRecord",
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
                                choices=[("active", "Merged"), ("undone", "Undone")],
                                default="active",
                                max_length=6,
                            ),
                        ),
                        ("choices", models.JSONField(blank=True, default=dict)),
                        ("before", models.JSONField(blank=True, default=dict)),
                        ("after", models.JSONField(blank=True, default=dict)),
                        ("absorbed_row", models.JSONField(blank=True, default=dict)),
                        ("figures", models.JSONField(blank=True, default=dict)),
                        ("consents", models.JSONField(blank=True, default=list)),
                        ("counts", models.JSONField(blank=True, default=dict)),
                        ("marks", models.JSONField(blank=True, default=dict)),
                        ("merged_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("undone_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "absorbed",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="absorptions",
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
                            "merged_by",
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
                            "survivor",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="merges",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "undone_by",
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
                                models.F("survivor"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_merge_survivor",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("absorbed"),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_merge_absorbed",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("merged_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_merge_recent",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "active")),
                                fields=("merchant", "absorbed"),
                                name="customers_merge_absorbed_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Metrics",
                    fields=[
                        (
                            "customer",
                            crm.lib.tenancy.MerchantOneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="metrics",
                                serialize=False,
                                to="customers.customer",
                            ),
                        ),
                        ("orders_count", models.IntegerField(default=0)),
                        ("gross", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("refunded", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("net", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("first_order_at", models.DateTimeField(null=True)),
                        ("last_order_at", models.DateTimeField(null=True)),
                        ("open_tickets", models.IntegerField(default=0)),
                        ("tickets_count", models.IntegerField(default=0)),
                        ("reviews_count", models.IntegerField(default=0)),
                        ("last_rating", models.SmallIntegerField(null=True)),
                        ("last_rating_at", models.DateTimeField(null=True)),
                        ("last_sent_at", models.DateTimeField(null=True)),
                        ("last_opened_at", models.DateTimeField(null=True)),
                        ("last_clicked_at", models.DateTimeField(null=True)),
                        ("points", models.IntegerField(default=0)),
                        ("tier", models.CharField(blank=True, default="", max_length=40)),
                        ("score", models.SmallIntegerField(null=True)),
                        ("score_change", models.SmallIntegerField(default=0)),
                        ("recency_bin", models.SmallIntegerField(default=0)),
                        ("frequency_bin", models.SmallIntegerField(default=0)),
                        ("monetary_bin", models.SmallIntegerField(default=0)),
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
                        "verbose_name_plural": "metrics",
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("net"), descending=True),
                                models.OrderBy(models.F("customer"), descending=True),
                                name="customers_metrics_net",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("last_order_at"), descending=True),
                                models.OrderBy(models.F("customer"), descending=True),
                                condition=models.Q(("last_order_at__isnull", False)),
                                name="customers_metrics_bought",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                condition=models.Q(("open_tickets__gt", 0)),
                                name="customers_metrics_waiting",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Note",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("text", models.TextField(max_length=5000, verbose_name="note")),
                        (
                            "mentions",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.BigIntegerField(), blank=True, default=list, size=None
                            ),
                        ),
                        ("pinned_at", models.DateTimeField(blank=True, null=True)),
                        ("edited_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.membership",
                            ),
                        ),
                        (
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notes",
                                to="customers.company",
                            ),
                        ),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notes",
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
                                models.F("customer"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="customers_note_of",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("company"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                condition=models.Q(("company__isnull", False)),
                                name="customers_note_company",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("customer__isnull", False), ("company__isnull", False), _connector="OR"
                                ),
                                name="customers_note_about",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PortalCode",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("public_id", models.UUIDField(default=uuid.uuid4)),
                        (
                            "state",
                            models.CharField(
                                choices=[("asked", "Asked"), ("sent", "Sent"), ("nobody", "Named nobody")],
                                default="asked",
                                max_length=6,
                            ),
                        ),
                        ("reference", models.CharField(blank=True, default="", max_length=60)),
                        ("contact", models.CharField(blank=True, default="", max_length=320)),
                        ("language", models.CharField(blank=True, default="", max_length=10)),
                        ("address", models.CharField(blank=True, default="", max_length=320)),
                        ("grants", models.JSONField(blank=True, default=dict)),
                        ("code_digest", models.CharField(blank=True, default="", max_length=64)),
                        ("tries", models.PositiveSmallIntegerField(default=0)),
                        ("ip_digest", models.CharField(blank=True, default="", max_length=64)),
                        ("reference_digest", models.CharField(blank=True, default="", max_length=64)),
                        ("contact_digest", models.CharField(blank=True, default="", max_length=64)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField()),
                        ("used_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("ip_digest"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="customers_portalcode_ip",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("reference_digest"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="customers_portalcode_ref",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("contact_digest"),
                                models.OrderBy(models.F("created_at"), descending=True),
                                name="customers_portalcode_contact",
                            ),
                            models.Index(
                                models.F("created_at"),
                                condition=models.Q(("state", "asked")),
                                name="customers_portalcode_asked",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "public_id"), name="customers_portalcode_public"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PortalSettings",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "return_days",
                            models.PositiveSmallIntegerField(default=30, verbose_name="days to return"),
                        ),
                        (
                            "return_note",
                            models.CharField(
                                blank=True,
                                default="",
                                max_length=500,
                                verbose_name="what to know about returns",
                            ),
                        ),
                        (
                            "welcome",
                            models.CharField(
                                blank=True, default="", max_length=200, verbose_name="welcome line"
                            ),
                        ),
                        (
                            "contact_form",
                            models.BooleanField(
                                default=True, verbose_name="anybody may write by the contact form"
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
                                fields=("merchant",), name="customers_portalsettings_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Region",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
                        (
                            "code",
                            models.CharField(blank=True, default="", max_length=20, verbose_name="code"),
                        ),
                        (
                            "country",
                            models.CharField(blank=True, default="", max_length=2, verbose_name="country"),
                        ),
                        (
                            "aliases",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=80),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        (
                            "keys",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=120),
                                blank=True,
                                default=list,
                                editable=False,
                                size=None,
                            ),
                        ),
                        ("path", models.CharField(default="/", editable=False, max_length=200)),
                        ("level", models.PositiveSmallIntegerField(default=0, editable=False)),
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
                            "parent",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.RESTRICT,
                                related_name="children",
                                to="customers.region",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                django.contrib.postgres.indexes.OpClass(
                                    models.F("path"), name="varchar_pattern_ops"
                                ),
                                name="customers_region_path",
                            ),
                            django.contrib.postgres.indexes.GinIndex(
                                fields=["merchant", "keys"], name="customers_region_keys"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "parent", "name"),
                                name="customers_region_name",
                                nulls_distinct=False,
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RetentionRule",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=40)),
                        ("months", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("set_by", models.CharField(blank=True, default="", max_length=40)),
                        ("set_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                                fields=("merchant", "kind"), name="customers_retentionrule_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RetentionRun",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=40)),
                        ("months", models.PositiveSmallIntegerField()),
                        ("border", models.DateTimeField()),
                        ("rows", models.BigIntegerField(default=0)),
                        ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
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
                                models.F("kind"),
                                models.OrderBy(models.F("started_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="customers_retentionrun_of",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SearchDocument",
                    fields=[
                        (
                            "customer",
                            crm.lib.tenancy.MerchantOneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="search",
                                serialize=False,
                                to="customers.customer",
                            ),
                        ),
                        ("document", models.TextField(blank=True, default="")),
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
                            django.contrib.postgres.indexes.GinIndex(
                                models.F("merchant"),
                                django.contrib.postgres.indexes.OpClass(
                                    models.F("document"), name="gin_trgm_ops"
                                ),
                                name="customers_search_document",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Suppression",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[("email", "E-mail"), ("sms", "SMS"), ("wechat", "WeChat")],
                                max_length=6,
                            ),
                        ),
                        ("digest", models.CharField(max_length=64)),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("bounce", "Bounced"),
                                    ("complaint", "Complained"),
                                    ("erased", "Erased"),
                                    ("manual", "By hand"),
                                ],
                                max_length=10,
                            ),
                        ),
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
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "channel", "digest"), name="customers_suppression_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Task",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("title", models.CharField(max_length=200, verbose_name="what")),
                        (
                            "text",
                            models.TextField(blank=True, default="", max_length=5000, verbose_name="notes"),
                        ),
                        ("subject_type", models.CharField(blank=True, default="", max_length=40)),
                        ("subject_id", models.BigIntegerField(blank=True, null=True)),
                        (
                            "priority",
                            models.SmallIntegerField(
                                choices=[(0, "Low"), (1, "Normal"), (2, "High")],
                                default=1,
                                verbose_name="priority",
                            ),
                        ),
                        ("due_on", models.DateField(blank=True, null=True, verbose_name="due")),
                        ("due_at", models.DateTimeField(blank=True, null=True)),
                        ("zone", models.CharField(default="UTC", max_length=50)),
                        ("remind_at", models.DateTimeField(blank=True, null=True)),
                        ("reminded_at", models.DateTimeField(blank=True, null=True)),
                        ("due_told_at", models.DateTimeField(blank=True, null=True)),
                        ("rule", models.CharField(blank=True, default="", max_length=120)),
                        ("series", models.UUIDField(blank=True, null=True)),
                        ("number", models.PositiveIntegerField(default=1)),
                        ("has_next", models.BooleanField(default=False)),
                        ("done_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tasks",
                                to="customers.company",
                            ),
                        ),
                        (
                            "creator",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tasks",
                                to="customers.customer",
                            ),
                        ),
                        (
                            "done_by",
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
                                models.F("assignee"),
                                models.F("due_at"),
                                condition=models.Q(("done_at__isnull", True)),
                                name="customers_task_open",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                condition=models.Q(("customer__isnull", False)),
                                name="customers_task_customer",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("company"),
                                condition=models.Q(("company__isnull", False)),
                                name="customers_task_company",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("subject_type"),
                                models.F("subject_id"),
                                condition=models.Q(("subject_id__isnull", False)),
                                name="customers_task_subject",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("done_at"), descending=True),
                                condition=models.Q(("done_at__isnull", False)),
                                name="customers_task_done",
                            ),
                            models.Index(
                                models.F("remind_at"),
                                condition=models.Q(
                                    ("done_at__isnull", True),
                                    ("remind_at__isnull", False),
                                    ("reminded_at__isnull", True),
                                ),
                                name="customers_task_remind",
                            ),
                            models.Index(
                                models.F("due_at"),
                                condition=models.Q(
                                    ("done_at__isnull", True),
                                    ("due_at__isnull", False),
                                    ("due_told_at__isnull", True),
                                ),
                                name="customers_task_due",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("series__isnull", False)),
                                fields=("merchant", "series", "number"),
                                name="customers_task_series",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("rule", ""),
                                    models.Q(("due_at__isnull", False), ("series__isnull", False)),
                                    _connector="OR",
                                ),
                                name="customers_task_rule_has_due",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Visit",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("visitor", models.CharField(max_length=64)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("page", "Looked at a page"),
                                    ("product", "Looked at a product"),
                                    ("cart", "Put something into the cart"),
                                    ("search", "Searched"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("title", models.CharField(blank=True, default="", max_length=200)),
                        ("path", models.CharField(blank=True, default="", max_length=500)),
                        ("sku", models.CharField(blank=True, default="", max_length=100)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
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
                                models.F("visitor"),
                                models.F("at"),
                                name="customers_visit_visitor",
                            ),
                            models.Index(models.F("merchant"), models.F("at"), name="customers_visit_at"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="VisitSettings",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "is_on",
                            models.BooleanField(
                                default=False, verbose_name="Take visits from the shop's pages"
                            ),
                        ),
                        (
                            "hosts",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=253),
                                blank=True,
                                default=list,
                                size=None,
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
                            models.UniqueConstraint(fields=("merchant",), name="customers_visitsettings_once")
                        ],
                    },
                ),
            ],
        ),
        # Room in the metrics pages so that their updates stay HOT (SCALE.md: 2.4 s for 10M).
        migrations.RunSQL(
            "ALTER TABLE customers_metrics SET (fillfactor = 50)",
            "ALTER TABLE customers_metrics RESET (fillfactor)",
        ),
        migrations.RunSQL(_regions.PLACE_KEY, _regions.NO_PLACE_KEY),
        migrations.RunSQL(_regions.LOCATE, _regions.NO_LOCATE),
        migrations.RunSQL(_regions.TRIGGER, _regions.NO_TRIGGER),
        migrations.RunSQL(_consent_holds.TRIGGERS, _consent_holds.NO_TRIGGERS),
    ]
