"""Orders whose person was erased."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0005_channel_company"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="contact_erased_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
