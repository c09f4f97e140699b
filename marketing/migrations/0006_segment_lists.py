import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_key_bounds"),
        ("customers", "0025_consent_holds"),
        ("marketing", "0005_looks"),
    ]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="answered",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="segment",
            name="asked",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="segment",
            name="build_pid",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="build_started_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="built_rule",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="segment",
            name="cancel_actor",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="segment",
            name="cancel_asked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[("rule", "Rule"), ("list", "List by hand")], default="rule", max_length=4
            ),
        ),
        migrations.AddField(
            model_name="segment",
            name="pinned_in",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="segment",
            name="pinned_out",
            field=models.PositiveIntegerField(default=0),
        ),
        # It held the database's own English; from now on it is a code that pages put into words.
        migrations.RunSQL(
            "UPDATE marketing_segment SET trouble = 'unexpected' WHERE trouble <> ''", migrations.RunSQL.noop
        ),
        migrations.AlterField(
            model_name="segment",
            name="trouble",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.CreateModel(
            name="SegmentPin",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_in", models.BooleanField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.membership",
                    ),
                ),
                (
                    "customer",
                    crm.lib.tenancy.MerchantForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "merchant",
                    crm.lib.tenancy.MerchantKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.merchant",
                    ),
                ),
                (
                    "segment",
                    crm.lib.tenancy.MerchantForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pins",
                        to="marketing.segment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["merchant", "customer"], name="marketing_pin_of"),
                    models.Index(
                        models.F("merchant"),
                        models.F("segment"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="marketing_pin_recent",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("merchant", "segment", "customer"), name="marketing_pin_once"
                    )
                ],
            },
        ),
    ]
