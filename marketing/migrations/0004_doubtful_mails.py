from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The deliveries of a shop are millions: nobody waits while this is built.
    atomic = False

    dependencies = [("marketing", "0003_sending_by_and_by")]

    operations = [
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                models.F("merchant"),
                models.F("customer"),
                condition=models.Q(("state", "unknown")),
                name="marketing_delivery_doubtful",
            ),
        ),
    ]
