"""Those of a shop who are not to be profiled, found without reading everybody; built beside writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0014_erasures")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                models.F("merchant"),
                condition=models.Q(("profiling_stopped_at__isnull", False)),
                name="customers_customer_unprofiled",
            ),
        ),
    ]
