"""The tables of a new database at once: 0001 with its indexes inside, which a database that has it takes as done."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.migrating
import crm.lib.tenancy


class Migration(migrations.Migration):
    replaces = [("api", "0001_initial")]

    initial = True

    dependencies = [
        ("accounts", "0001_squashed_0005"),
    ]

    operations = [
        crm.lib.migrating.CreateModels(
            models=[
                migrations.CreateModel(
                    name="IdempotentRequest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=255)),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("body", models.TextField(blank=True, default="")),
                        ("headers", models.JSONField(default=dict)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField()),
                        (
                            "api_key",
                            crm.lib.tenancy.MerchantForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.apikey",
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
                    ],
                    options={
                        "indexes": [models.Index(fields=["expires_at"], name="api_idempotentrequest_old")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("merchant", "api_key", "key"), name="api_idempotentrequest_once"
                            )
                        ],
                    },
                )
            ],
        ),
    ]
