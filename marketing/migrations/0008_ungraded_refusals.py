from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The deliveries of a shop are millions: nobody waits while this is built.
    atomic = False

    dependencies = [("marketing", "0007_feedback")]

    operations = [
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                models.F("merchant"),
                models.F("id"),
                condition=models.Q(
                    ("bounced_at__isnull", True), ("reason__in", ["refused", "gave_up"]), ("state", "failed")
                ),
                name="marketing_delivery_ungraded",
            ),
        ),
    ]
