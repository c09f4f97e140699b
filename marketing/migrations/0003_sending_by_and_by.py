from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_key_bounds"),
        ("customers", "0025_consent_holds"),
        ("marketing", "0002_sending_window"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="campaign",
            name="marketing_campaign_due",
        ),
        migrations.AddField(
            model_name="campaign",
            name="prepared_to",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="campaign",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("scheduled", "Scheduled"),
                    ("preparing", "Being prepared"),
                    ("sending", "Sending"),
                    ("paused", "Paused"),
                    ("sent", "Sent"),
                    ("cancelled", "Cancelled"),
                ],
                default="draft",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                models.F("state"),
                models.F("scheduled_at"),
                condition=models.Q(
                    ("state__in", ["scheduled", "preparing", "sending"]),
                    models.Q(("finished_at__isnull", True), ("state", "cancelled")),
                    _connector="OR",
                ),
                name="marketing_campaign_due",
            ),
        ),
    ]
