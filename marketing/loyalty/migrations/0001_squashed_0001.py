"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("loyalty", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
        ("customers", "0001_squashed_0025"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="PointsEntry",
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
                                    ("earn", "Earned"),
                                    ("reverse", "Taken back"),
                                    ("adjust", "Corrected"),
                                    ("expire", "Expired"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("points", models.IntegerField()),
                        ("order_id", models.BigIntegerField(null=True)),
                        ("refund_id", models.BigIntegerField(null=True)),
                        ("multiplier", models.DecimalField(decimal_places=2, default=1, max_digits=5)),
                        ("key", models.CharField(max_length=80)),
                        ("lot_at", models.DateTimeField()),
                        ("expires_at", models.DateTimeField(null=True)),
                        (
                            "reason",
                            models.CharField(blank=True, default="", max_length=200, verbose_name="reason"),
                        ),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "actor",
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
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="points_entries",
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
                                models.OrderBy(models.F("id"), descending=True),
                                name="loyalty_entry_customer",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant", "key"), name="loyalty_entry_once"),
                            models.CheckConstraint(
                                condition=models.Q(("points", 0), _negated=True), name="loyalty_entry_some"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Program",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80, verbose_name="name")),
                        ("is_active", models.BooleanField(default=True, verbose_name="running")),
                        (
                            "points_per_unit",
                            models.DecimalField(
                                decimal_places=3,
                                default=1,
                                max_digits=8,
                                validators=[
                                    django.core.validators.MinValueValidator(Decimal("0.001")),
                                    django.core.validators.MaxValueValidator(Decimal("1000")),
                                ],
                                verbose_name="points for each unit of money",
                            ),
                        ),
                        (
                            "expiry_months",
                            models.PositiveSmallIntegerField(
                                default=12,
                                validators=[django.core.validators.MaxValueValidator(120)],
                                verbose_name="points expire after months",
                            ),
                        ),
                        (
                            "tier_days",
                            models.PositiveSmallIntegerField(
                                default=365,
                                validators=[
                                    django.core.validators.MinValueValidator(30),
                                    django.core.validators.MaxValueValidator(3650),
                                ],
                                verbose_name="the tier looks back days",
                            ),
                        ),
                        (
                            "starts_at",
                            models.DateTimeField(
                                default=django.utils.timezone.now, verbose_name="orders earn from"
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
                            models.UniqueConstraint(fields=("merchant",), name="loyalty_program_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Tier",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=40, verbose_name="name")),
                        ("threshold", models.PositiveIntegerField(verbose_name="from points")),
                        (
                            "multiplier",
                            models.DecimalField(
                                decimal_places=2,
                                default=1,
                                max_digits=5,
                                validators=[
                                    django.core.validators.MinValueValidator(Decimal("0.1")),
                                    django.core.validators.MaxValueValidator(Decimal("20")),
                                ],
                                verbose_name="earns times",
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
                        "ordering": ["threshold"],
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant", "name"), name="loyalty_tier_name"),
                            models.UniqueConstraint(
                                fields=("merchant", "threshold"), name="loyalty_tier_threshold"
                            ),
                        ],
                    },
                ),
            ],
        ),
    ]
