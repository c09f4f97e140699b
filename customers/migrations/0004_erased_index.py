"""The erased of a shop, found without reading all its customers; built beside writers, alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0003_search_documents")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                models.F("merchant"),
                condition=models.Q(("erased_at__isnull", False)),
                name="customers_customer_erased",
            ),
        ),
    ]
