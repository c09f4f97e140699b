"""A tree of regions, and the place of customers and companies in it, kept by the database.

The triggers run for every way in: forms, API, COPY, imports, merges and their undo.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.tenancy
from customers.migrations import _regions


def place() -> crm.lib.tenancy.MerchantForeignKey:
    return crm.lib.tenancy.MerchantForeignKey(
        blank=True,
        db_index=False,
        null=True,
        editable=False,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to="customers.region",
    )


def place_index(name: str) -> models.Index:
    condition = models.Q(("located_in__isnull", False))
    return models.Index(models.F("merchant"), models.F("located_in"), condition=condition, name=name)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_saved_views"), ("customers", "0016_bulk_changes")]

    operations = [
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
                ("code", models.CharField(blank=True, default="", max_length=20, verbose_name="code")),
                ("country", models.CharField(blank=True, default="", max_length=2, verbose_name="country")),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), blank=True, default=list, size=None
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("merchant", "parent", "name"),
                        nulls_distinct=False,
                        name="customers_region_name",
                    )
                ],
                "indexes": [
                    models.Index(
                        models.F("merchant"),
                        django.contrib.postgres.indexes.OpClass(models.F("path"), name="varchar_pattern_ops"),
                        name="customers_region_path",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["merchant", "keys"], name="customers_region_keys"
                    ),
                ],
            },
        ),
        migrations.AddField("customer", "located_in", place()),
        migrations.AddField("company", "located_in", place()),
        migrations.AddIndex("customer", place_index("customers_customer_place")),
        migrations.AddIndex("company", place_index("customers_company_place")),
        migrations.RunSQL(_regions.PLACE_KEY, _regions.NO_PLACE_KEY),
        migrations.RunSQL(_regions.LOCATE, _regions.NO_LOCATE),
        migrations.RunSQL(_regions.TRIGGER, _regions.NO_TRIGGER),
    ]
