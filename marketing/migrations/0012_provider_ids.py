from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The deliveries of a shop are millions: nobody waits while this is built.
    atomic = False

    dependencies = [("marketing", "0011_channels")]

    operations = [
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                models.F("merchant"),
                models.F("provider_id"),
                condition=models.Q(("provider_id", ""), _negated=True),
                name="marketing_delivery_provider",
            ),
        ),
    ]
