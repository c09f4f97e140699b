"""The tables of a new database at once: 0001 to 0006 in one, which a database that has them takes as done."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.money
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [
        ("orders", "0001_initial"),
        ("orders", "0002_key_check_indexes"),
        ("orders", "0003_guest_index"),
        ("orders", "0004_order_member"),
        ("orders", "0005_channel_company"),
        ("orders", "0006_erasures"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
        ("customers", "0001_squashed_0025"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="Order",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(max_length=100)),
                        ("number", models.CharField(max_length=60, verbose_name="number")),
                        ("contact_name", models.CharField(blank=True, default="", max_length=200)),
                        ("email", models.CharField(blank=True, default="", max_length=320)),
                        ("phone", models.CharField(blank=True, default="", max_length=40)),
                        (
                            "member_id",
                            models.CharField(blank=True, db_default="", default="", max_length=100),
                        ),
                        (
                            "payment",
                            models.CharField(
                                choices=[
                                    ("pending", "Payment pending"),
                                    ("paid", "Paid"),
                                    ("partly", "Partly refunded"),
                                    ("refunded", "Refunded"),
                                    ("voided", "Voided"),
                                ],
                                default="pending",
                                max_length=10,
                                verbose_name="payment",
                            ),
                        ),
                        (
                            "fulfilment",
                            models.CharField(
                                choices=[
                                    ("open", "Not shipped"),
                                    ("partial", "Partly shipped"),
                                    ("shipped", "Shipped"),
                                    ("delivered", "Delivered"),
                                ],
                                default="open",
                                max_length=10,
                                verbose_name="fulfilment",
                            ),
                        ),
                        ("currency", crm.lib.money.CurrencyField(max_length=3)),
                        ("subtotal", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("discount", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("shipping", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("tax", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("total", crm.lib.money.MoneyField(decimal_places=4, max_digits=19)),
                        ("refunded", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("rate", models.DecimalField(decimal_places=8, max_digits=18, null=True)),
                        ("base_total", crm.lib.money.MoneyField(decimal_places=4, max_digits=19, null=True)),
                        (
                            "base_refunded",
                            crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19, null=True),
                        ),
                        (
                            "coupons",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=60),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        (
                            "tags",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=60),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        ("shipping_address", models.JSONField(blank=True, default=dict)),
                        ("country", models.CharField(blank=True, default="", max_length=60)),
                        ("note", models.TextField(blank=True, default="")),
                        ("placed_at", models.DateTimeField()),
                        ("paid_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                        ("promised_on", models.DateField(blank=True, null=True)),
                        ("version", models.BigIntegerField(default=0)),
                        ("import_batch_id", models.BigIntegerField(blank=True, null=True)),
                        ("contact_erased_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="orders",
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
                            "channel",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="orders",
                                to="orders.saleschannel",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("placed_at"), descending=True),
                                models.OrderBy(models.F("id"), descending=True),
                                name="orders_order_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("placed_at"), descending=True),
                                condition=models.Q(("customer__isnull", False)),
                                name="orders_order_customer",
                            ),
                            models.Index(
                                models.F("merchant"), models.F("number"), name="orders_order_number"
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("email"),
                                condition=models.Q(
                                    ("customer__isnull", True), models.Q(("email", ""), _negated=True)
                                ),
                                name="orders_order_guest",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("import_batch_id"),
                                condition=models.Q(("import_batch_id__isnull", False)),
                                name="orders_order_batch",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("promised_on"),
                                condition=models.Q(
                                    ("cancelled_at__isnull", True),
                                    ("promised_on__isnull", False),
                                    models.Q(("fulfilment", "delivered"), _negated=True),
                                ),
                                name="orders_order_promised",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "channel", "external_id"), name="orders_order_external"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="OrderLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(blank=True, default="", max_length=100)),
                        ("sku", models.CharField(blank=True, default="", max_length=100)),
                        ("title", models.CharField(blank=True, default="", max_length=300)),
                        ("quantity", models.IntegerField()),
                        ("unit_price", crm.lib.money.MoneyField(decimal_places=4, max_digits=19)),
                        ("discount", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
                        ("total", crm.lib.money.MoneyField(decimal_places=4, max_digits=19)),
                        ("placed_at", models.DateTimeField()),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
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
                                related_name="lines",
                                to="orders.order",
                            ),
                        ),
                        (
                            "product",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="orders.product",
                            ),
                        ),
                        (
                            "variant",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="orders.variant",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "order"], name="orders_line_of"),
                            models.Index(
                                fields=["merchant", "product", "placed_at"],
                                include=("customer", "quantity"),
                                name="orders_line_product",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("variant"),
                                condition=models.Q(("variant__isnull", False)),
                                name="orders_line_variant",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Payment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(blank=True, default="", max_length=100)),
                        ("method", models.CharField(blank=True, default="", max_length=60)),
                        ("amount", crm.lib.money.MoneyField(decimal_places=4, max_digits=19)),
                        ("currency", crm.lib.money.CurrencyField(max_length=3)),
                        ("paid_at", models.DateTimeField()),
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
                                related_name="payments",
                                to="orders.order",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "order", "external_id"), name="orders_payment_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Product",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(max_length=100)),
                        (
                            "title",
                            models.CharField(blank=True, default="", max_length=300, verbose_name="title"),
                        ),
                        (
                            "category",
                            models.CharField(blank=True, default="", max_length=120, verbose_name="category"),
                        ),
                        (
                            "brand",
                            models.CharField(blank=True, default="", max_length=120, verbose_name="brand"),
                        ),
                        ("url", models.URLField(blank=True, default="", max_length=500)),
                        ("image_url", models.URLField(blank=True, default="", max_length=500)),
                        (
                            "price",
                            crm.lib.money.MoneyField(
                                blank=True, decimal_places=4, max_digits=19, null=True, verbose_name="price"
                            ),
                        ),
                        (
                            "currency",
                            crm.lib.money.CurrencyField(
                                blank=True, default="", max_length=3, verbose_name="currency"
                            ),
                        ),
                        ("is_active", models.BooleanField(default=True)),
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
                            "channel",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="products",
                                to="orders.saleschannel",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "category"], name="orders_product_category"),
                            models.Index(fields=["merchant", "title"], name="orders_product_title"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "channel", "external_id"), name="orders_product_external"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Refund",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(max_length=100)),
                        ("amount", crm.lib.money.MoneyField(decimal_places=4, max_digits=19)),
                        ("currency", crm.lib.money.CurrencyField(max_length=3)),
                        ("base_amount", crm.lib.money.MoneyField(decimal_places=4, max_digits=19, null=True)),
                        ("reason", models.CharField(blank=True, default="", max_length=200)),
                        ("refunded_at", models.DateTimeField()),
                        ("import_batch_id", models.BigIntegerField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="refunds",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="refunds",
                                to="orders.order",
                            ),
                        ),
                        (
                            "channel",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="refunds",
                                to="orders.saleschannel",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("order"),
                                condition=models.Q(("order__isnull", False)),
                                name="orders_refund_order",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("customer"),
                                models.OrderBy(models.F("refunded_at"), descending=True),
                                condition=models.Q(("customer__isnull", False)),
                                name="orders_refund_customer",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("refunded_at"), descending=True),
                                name="orders_refund_recent",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("import_batch_id"),
                                condition=models.Q(("import_batch_id__isnull", False)),
                                name="orders_refund_batch",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "channel", "external_id"), name="orders_refund_external"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RefundLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("sku", models.CharField(blank=True, default="", max_length=100)),
                        ("title", models.CharField(blank=True, default="", max_length=300)),
                        ("quantity", models.IntegerField(default=0)),
                        ("amount", crm.lib.money.MoneyField(decimal_places=4, default=0, max_digits=19)),
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
                                related_name="+",
                                to="orders.orderline",
                            ),
                        ),
                        (
                            "product",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="orders.product",
                            ),
                        ),
                        (
                            "refund",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="lines",
                                to="orders.refund",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "refund"], name="orders_refundline_of"),
                            models.Index(
                                models.F("merchant"),
                                models.F("order_line"),
                                condition=models.Q(("order_line__isnull", False)),
                                name="orders_refundline_line",
                            ),
                            models.Index(
                                models.F("merchant"),
                                models.F("product"),
                                condition=models.Q(("product__isnull", False)),
                                name="orders_refundline_item",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Return",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("requested", "Requested"),
                                    ("approved", "Approved"),
                                    ("rejected", "Declined"),
                                    ("received", "Received"),
                                    ("refunded", "Refunded"),
                                    ("cancelled", "Withdrawn"),
                                ],
                                default="requested",
                                max_length=10,
                            ),
                        ),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("damaged", "Arrived damaged"),
                                    ("wrong", "Wrong item"),
                                    ("size", "Doesn't fit"),
                                    ("unlike", "Not as described"),
                                    ("unwanted", "Changed my mind"),
                                    ("other", "Something else"),
                                ],
                                max_length=10,
                                verbose_name="reason",
                            ),
                        ),
                        (
                            "comment",
                            models.TextField(blank=True, default="", max_length=2000, verbose_name="comment"),
                        ),
                        ("decision_note", models.CharField(blank=True, default="", max_length=500)),
                        ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                        (
                            "customer",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="returns",
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
                                related_name="returns",
                                to="orders.order",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "order"], name="orders_return_order"),
                            models.Index(
                                models.F("merchant"),
                                models.OrderBy(models.F("requested_at"), descending=True),
                                condition=models.Q(("state__in", ["requested", "approved", "received"])),
                                name="orders_return_open",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "number"), name="orders_return_number"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ReturnLine",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("quantity", models.PositiveIntegerField(default=1)),
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
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="orders.orderline",
                            ),
                        ),
                        (
                            "rma",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="lines",
                                to="orders.return",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["merchant", "order_line"], name="orders_returnline_line")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "rma", "order_line"), name="orders_returnline_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("quantity__gt", 0)), name="orders_returnline_some"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SalesChannel",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("slug", models.SlugField()),
                        ("name", models.CharField(max_length=120, verbose_name="name")),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("shopify", "Shopify"),
                                    ("woocommerce", "WooCommerce"),
                                    ("tmall", "Tmall"),
                                    ("jd", "JD"),
                                    ("douyin", "Douyin shop"),
                                    ("wechat", "WeChat shop"),
                                    ("pos", "Shop till"),
                                    ("file", "Imported files"),
                                    ("api", "API"),
                                ],
                                default="api",
                                max_length=12,
                                verbose_name="kind",
                            ),
                        ),
                        ("connection_id", models.BigIntegerField(blank=True, null=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "company",
                            crm.lib.tenancy.MerchantForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="channels",
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
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("company"),
                                condition=models.Q(("company__isnull", False)),
                                name="orders_channel_company",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("merchant", "slug"), name="orders_channel_slug")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Shipment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(max_length=100)),
                        (
                            "carrier",
                            models.CharField(blank=True, default="", max_length=60, verbose_name="carrier"),
                        ),
                        (
                            "tracking_number",
                            models.CharField(
                                blank=True, default="", max_length=100, verbose_name="tracking number"
                            ),
                        ),
                        ("tracking_url", models.URLField(blank=True, default="", max_length=500)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("preparing", "Being packed"),
                                    ("transit", "On its way"),
                                    ("out", "Out for delivery"),
                                    ("delivered", "Delivered"),
                                    ("exception", "Trouble on the way"),
                                    ("returned", "Returned to sender"),
                                ],
                                default="preparing",
                                max_length=10,
                            ),
                        ),
                        ("shipped_at", models.DateTimeField(blank=True, null=True)),
                        ("promised_on", models.DateField(blank=True, null=True)),
                        ("delivered_at", models.DateTimeField(blank=True, null=True)),
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
                            "order",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="shipments",
                                to="orders.order",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["merchant", "tracking_number"], name="orders_shipment_tracking"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "order", "external_id"), name="orders_shipment_external"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ShipmentEvent",
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
                                    ("preparing", "Being packed"),
                                    ("transit", "On its way"),
                                    ("out", "Out for delivery"),
                                    ("delivered", "Delivered"),
                                    ("exception", "Trouble on the way"),
                                    ("returned", "Returned to sender"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("description", models.CharField(blank=True, default="", max_length=300)),
                        ("location", models.CharField(blank=True, default="", max_length=120)),
                        ("happened_at", models.DateTimeField()),
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
                            "shipment",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="scans",
                                to="orders.shipment",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "shipment", "state", "happened_at"),
                                name="orders_scan_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Variant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("external_id", models.CharField(blank=True, default="", max_length=100)),
                        ("sku", models.CharField(blank=True, default="", max_length=100, verbose_name="SKU")),
                        (
                            "title",
                            models.CharField(blank=True, default="", max_length=200, verbose_name="title"),
                        ),
                        (
                            "price",
                            crm.lib.money.MoneyField(
                                blank=True, decimal_places=4, max_digits=19, null=True, verbose_name="price"
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
                            "product",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="variants",
                                to="orders.product",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                models.F("merchant"),
                                models.F("sku"),
                                condition=models.Q(("sku", ""), _negated=True),
                                name="orders_variant_sku",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "product", "external_id"), name="orders_variant_external"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
