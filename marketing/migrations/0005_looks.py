"""What came back of mails: every look before an order as a fact, the device, and clicks that settle."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0025_consent_holds"), ("marketing", "0004_doubtful_mails")]

    operations = [
        migrations.RenameField("attribution", "clicked_at", "last_at"),
        migrations.AddField(
            "attribution",
            "first_at",
            models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE marketing_attribution SET first_at = last_at; SET CONSTRAINTS ALL IMMEDIATE",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            "attribution",
            "kind",
            models.CharField(
                choices=[("open", "Opened"), ("click", "Clicked")], default="click", max_length=5
            ),
        ),
        migrations.RemoveConstraint("attribution", "marketing_attribution_once"),
        migrations.AddConstraint(
            "attribution",
            models.UniqueConstraint(
                fields=("merchant", "order_id", "delivery", "kind"), name="marketing_attribution_once"
            ),
        ),
        migrations.RemoveIndex("attribution", "marketing_attribution_campaign"),
        migrations.AddIndex(
            "attribution",
            models.Index(
                models.F("merchant"),
                models.F("campaign"),
                models.F("order_id"),
                name="marketing_attribution_campaign",
            ),
        ),
        migrations.AddField(
            "engagement",
            "device",
            models.CharField(
                blank=True,
                choices=[("phone", "Phone"), ("tablet", "Tablet"), ("desktop", "Computer")],
                default="",
                max_length=7,
            ),
        ),
        migrations.AddField("engagement", "waits", models.BooleanField(default=False)),
        migrations.AddIndex(
            "engagement",
            models.Index(
                models.F("at"), condition=models.Q(("waits", True)), name="marketing_engagement_waits"
            ),
        ),
        migrations.AddIndex(
            "delivery",
            models.Index(
                models.F("merchant"),
                models.F("customer"),
                models.F("opened_at"),
                condition=models.Q(("opened_at__isnull", False)),
                name="marketing_delivery_looked",
            ),
        ),
        migrations.AddField(
            "sendingpolicy",
            "attribution_model",
            models.CharField(
                choices=[
                    ("last", "Last mail before the order"),
                    ("first", "First mail before the order"),
                    ("linear", "All mails alike"),
                    ("position", "First and last 40% each, those between share 20%"),
                ],
                default="last",
                max_length=8,
                verbose_name="an order's worth goes to",
            ),
        ),
        migrations.AddField(
            "sendingpolicy",
            "attribution_opens",
            models.BooleanField(default=False, verbose_name="opened mails count too"),
        ),
        migrations.AlterField(
            "sendingpolicy",
            "attribution_days",
            models.PositiveSmallIntegerField(
                default=5,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(90),
                ],
                verbose_name="orders count for a click within days",
            ),
        ),
    ]
