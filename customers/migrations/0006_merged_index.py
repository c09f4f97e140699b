"""The absorbed of a shop, found without reading all its customers; built beside writers, alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0005_merging")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                models.F("merchant"),
                models.F("merged_into"),
                condition=models.Q(("merged_into__isnull", False)),
                name="customers_customer_merged",
            ),
        ),
    ]
