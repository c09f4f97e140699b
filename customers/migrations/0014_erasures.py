"""Who asked to be erased, what is remembered of them, and who is not to be profiled."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("customers", "0013_duplicates"),
    ]

    operations = [
        migrations.CreateModel(
            name="ErasedKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("phone", "Phone"),
                            ("unionid", "WeChat"),
                            ("openid", "WeChat account"),
                            ("member", "Store member"),
                            ("visitor", "Visitor"),
                        ],
                        max_length=8,
                    ),
                ),
                ("scope", models.CharField(blank=True, default="", max_length=40)),
                ("digest", models.CharField(max_length=64)),
                ("erased_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("customer_id", models.BigIntegerField()),
                ("customer_created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Erased"), ("cancelled", "Taken back")],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("asked", "The person asked for it"),
                            ("consent", "They withdrew the consent it rested on"),
                            ("purpose", "The data is no longer needed"),
                            ("unlawful", "The data should never have been kept"),
                            ("retention", "The time to keep it is over"),
                            ("replay", "Erased before, brought back by a backup"),
                        ],
                        max_length=9,
                        verbose_name="reason",
                    ),
                ),
                ("requested_by", models.CharField(blank=True, default="", max_length=40)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField()),
                ("trouble", models.CharField(blank=True, default="", max_length=200)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("counts", models.JSONField(blank=True, default=dict)),
                ("recorded_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="customer",
            name="profiling_stopped_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="erasedkey",
            name="merchant",
            field=crm.lib.tenancy.MerchantKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.merchant",
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="merchant",
            field=crm.lib.tenancy.MerchantKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.merchant",
            ),
        ),
        migrations.AddField(
            model_name="erasedkey",
            name="erasure",
            field=crm.lib.tenancy.MerchantForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="keys",
                to="customers.erasure",
            ),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=models.Index(
                models.F("merchant"),
                models.OrderBy(models.F("requested_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="customers_erasure_recent",
            ),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=models.Index(
                models.F("due_at"), condition=models.Q(("state", "waiting")), name="customers_erasure_due"
            ),
        ),
        migrations.AddIndex(
            model_name="erasure",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("recorded_at__isnull", True), ("state", "done")),
                name="customers_erasure_unwritten",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")),
                fields=("merchant", "customer_id"),
                name="customers_erasure_one_open",
            ),
        ),
        migrations.AddIndex(
            model_name="erasedkey",
            index=models.Index(fields=["merchant", "digest"], name="customers_erasedkey_digest"),
        ),
        migrations.AddIndex(
            model_name="erasedkey",
            index=models.Index(fields=["merchant", "erasure"], name="customers_erasedkey_of"),
        ),
    ]
