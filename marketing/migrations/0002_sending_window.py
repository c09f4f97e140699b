import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("customers", "0003_search_documents"),
        ("marketing", "0001_initial"),
    ]

    operations = [
        # The state `claimed` is gone: what was in it had not been handed to any server.
        migrations.RunSQL(
            "UPDATE marketing_delivery SET state = 'queued', run_id = NULL WHERE state = 'claimed'",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveIndex(
            model_name="delivery",
            name="marketing_delivery_held",
        ),
        migrations.RemoveIndex(
            model_name="delivery",
            name="marketing_delivery_untold",
        ),
        migrations.RemoveField(
            model_name="delivery",
            name="announced",
        ),
        migrations.AddField(
            model_name="sendingrun",
            name="window",
            field=models.PositiveSmallIntegerField(default=16),
        ),
        migrations.AddField(
            model_name="sendingrun",
            name="told_until",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Waiting"),
                    ("sending", "Being handed over"),
                    ("sent", "Sent"),
                    ("failed", "Failed"),
                    ("deferred", "Put off"),
                    ("unknown", "Unknown"),
                    ("skipped", "Not sent"),
                ],
                default="queued",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("run_id"),
                models.F("sending_at"),
                models.F("id"),
                condition=models.Q(("state", "sending")),
                name="marketing_delivery_held",
            ),
        ),
    ]
