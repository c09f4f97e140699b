"""Which entry of the ledger holds, kept by the database itself whichever way an entry comes, moves or goes."""

from django.db import migrations, models

from customers.migrations import _consent_holds


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0024_list_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="consent",
            name="holds",
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.RunSQL(_consent_holds.TRIGGERS, _consent_holds.NO_TRIGGERS),
        migrations.AddIndex(
            model_name="consent",
            index=models.Index(
                models.F("merchant"),
                models.F("channel"),
                models.F("purpose"),
                models.F("granted"),
                models.F("customer"),
                condition=models.Q(("holds", True)),
                name="customers_consent_holds",
            ),
        ),
        migrations.AddIndex(
            model_name="metrics",
            index=models.Index(
                models.F("merchant"),
                models.F("customer"),
                condition=models.Q(("open_tickets__gt", 0)),
                name="customers_metrics_waiting",
            ),
        ),
    ]
