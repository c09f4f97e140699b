"""The search documents, and room in the metrics pages so that their updates stay HOT (SCALE.md: 2.4 s for 10M)."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import crm.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("customers", "0002_portalcode_portalsettings"),
    ]

    operations = [
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
                        django.contrib.postgres.indexes.OpClass(models.F("document"), name="gin_trgm_ops"),
                        name="customers_search_document",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE customers_metrics SET (fillfactor = 50)",
            "ALTER TABLE customers_metrics RESET (fillfactor)",
        ),
    ]
