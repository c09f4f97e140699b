"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("reviews", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
        ("customers", "0001_squashed_0025"),
        ("orders", "0001_squashed_0006"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="LedgerEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("sequence", models.PositiveIntegerField()),
                        ("review_id", models.BigIntegerField()),
                        ("rating", models.SmallIntegerField()),
                        (
                            "action",
                            models.CharField(
                                choices=[
                                    ("submitted", "Submitted"),
                                    ("edited", "Edited by its author"),
                                    ("published", "Published"),
                                    ("withheld", "Withheld"),
                                    ("replied", "Replied"),
                                    ("erased", "Author pseudonymised"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, default="", max_length=40)),
                        ("actor", models.CharField(blank=True, default="", max_length=40)),
                        ("digest", models.CharField(max_length=64)),
                        ("happened_at", models.DateTimeField()),
                        ("previous", models.CharField(max_length=64)),
                        ("hash", models.CharField(max_length=64)),
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
                                fields=["merchant", "review_id", "sequence"], name="reviews_ledger_review"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "sequence"), name="reviews_ledger_sequence"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Reply",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("body", models.TextField(max_length=3000, verbose_name="reply")),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("edited_at", models.DateTimeField(blank=True, null=True)),
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
                            "merchant",
                            crm.lib.tenancy.MerchantKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.merchant",
                            ),
                        ),
                        (
                            "review",
                            crm.lib.tenancy.MerchantOneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="reply",
                                to="reviews.review",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Review",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "author_name",
                            models.CharField(
                                blank=True, default="", max_length=80, verbose_name="shown name"
                            ),
                        ),
                        (
                            "rating",
                            models.SmallIntegerField(
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(5),
                                ],
                                verbose_name="rating",
                            ),
                        ),
                        (
                            "title",
                            models.CharField(blank=True, default="", max_length=150, verbose_name="title"),
                        ),
                        (
                            "body",
                            models.TextField(blank=True, default="", max_length=5000, verbose_name="review"),
                        ),
                        ("language", models.CharField(blank=True, default="", max_length=10)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("pending", "Waiting"),
                                    ("published", "Published"),
                                    ("withheld", "Withheld"),
                                ],
                                default="pending",
                                max_length=9,
                            ),
                        ),
                        (
                            "withheld_reason",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("spam", "Advertising or spam"),
                                    ("insult", "Insults or hate"),
                                    ("private", "Personal data of others"),
                                    ("off_topic", "Not about the product"),
                                    ("fake", "Proven to be fake"),
                                    ("legal", "Unlawful content"),
                                ],
                                default="",
                                max_length=9,
                            ),
                        ),
                        ("source", models.CharField(default="portal", max_length=20)),
                        (
                            "verified_purchase",
                            models.GeneratedField(
                                db_persist=True,
                                expression=models.ExpressionWrapper(
                                    models.Q(("order_line__isnull", False)),
                                    output_field=models.BooleanField(),
                                ),
                                output_field=models.BooleanField(),
                            ),
                        ),
                        ("submitted_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("edited_at", models.DateTimeField(blank=True, null=True)),
                        ("published_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="reviews",
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
                            "order_line",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="reviews",
                                to="orders.orderline",
                            ),
                        ),
                        (
                            "product",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews",
                                to="orders.product",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("submitted_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="reviews_review_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("product"),
                                models.OrderBy(models.F("published_at"), descending=True),
                                condition=models.Q(("state", "published")),
                                name="reviews_review_public",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                condition=models.Q(("customer__isnull", False)),
                                name="reviews_review_customer",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("submitted_at"),
                                condition=models.Q(("state", "pending")),
                                name="reviews_review_pending",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("order_line__isnull", False)),
                                fields=("merchant", "order_line"),
                                name="reviews_review_once_per_line",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("rating__gte", 1), ("rating__lte", 5)),
                                name="reviews_review_stars",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "withheld"), _negated=True),
                                    models.Q(("withheld_reason", ""), _negated=True),
                                    _connector="OR",
                                ),
                                name="reviews_review_withheld_why",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ReviewRequest",
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
                                    ("due", "Planned"),
                                    ("sent", "Sent"),
                                    ("held", "Held back"),
                                    ("skipped", "Not sent"),
                                ],
                                default="due",
                                max_length=7,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, default="", max_length=40)),
                        ("due_at", models.DateTimeField()),
                        ("sent_at", models.DateTimeField(blank=True, null=True)),
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
                            "order",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="review_requests",
                                to="orders.order",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("due_at"),
                                condition=models.Q(("state__in", ["due", "held"])),
                                name="reviews_request_due",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant", "order"), name="reviews_request_once")
                        ],
                    },
                ),
            ],
        ),
    ]
