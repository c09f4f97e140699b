"""Orders with a coupon, for segments: found without reading the others; built beside writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0006_erasures")]

    operations = [
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                models.F("merchant"),
                models.F("placed_at"),
                condition=models.Q(("coupons", []), _negated=True),
                include=["customer", "coupons"],
                name="orders_order_coupon",
            ),
        ),
    ]
