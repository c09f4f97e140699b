from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="format",
            field=models.CharField(
                choices=[
                    ("xlsx", "Excel (XLSX)"),
                    ("csv", "CSV"),
                    ("parquet", "Parquet"),
                    ("vcf", "vCard (address book)"),
                ],
                default="csv",
                max_length=7,
                verbose_name="format",
            ),
        ),
    ]
