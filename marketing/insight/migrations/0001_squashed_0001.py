"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("insight", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Day",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("on", models.DateField()),
                        ("channel_id", models.BigIntegerField(default=0)),
                        ("orders", models.IntegerField(default=0)),
                        ("revenue", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("first_orders", models.IntegerField(default=0)),
                        (
                            "first_revenue",
                            crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19),
                        ),
                        ("refunds", models.IntegerField(default=0)),
                        ("refunded", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("new_customers", models.IntegerField(default=0)),
                        ("tickets", models.IntegerField(default=0)),
                        ("reviews", models.IntegerField(default=0)),
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
                                fields=("merchant", "on", "channel_id"), name="insight_day_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DirtyDay",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("on", models.DateField()),
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
                            models.UniqueConstraint(fields=("merchant", "on"), name="insight_dirtyday_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Yardstick",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("buyers", models.PositiveIntegerField(default=0)),
                        (
                            "recency_bounds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), default=list, size=None
                            ),
                        ),
                        (
                            "frequency_bounds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), default=list, size=None
                            ),
                        ),
                        (
                            "monetary_bounds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.FloatField(), default=list, size=None
                            ),
                        ),
                        ("usual_gap_days", models.FloatField(default=90)),
                        ("usual_orders", models.FloatField(default=2)),
                        ("usual_net", models.FloatField(default=0)),
                        ("computed_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                            models.UniqueConstraint(fields=("merchant",), name="insight_yardstick_once")
                        ],
                    },
                ),
            ],
        ),
    ]
