"""What finds the companies that were there before they could be searched."""

from django.db import migrations

from customers.tokens import document_of

BATCH = 1_000


def write_documents(apps, schema_editor):
    Company = apps.get_model("customers", "Company")
    rows = Company._base_manager.filter(document="").only("pk", "name").order_by("pk")
    batch = []
    for company in rows.iterator(chunk_size=BATCH):
        company.document = document_of(names=[company.name])
        batch.append(company)
        if len(batch) == BATCH:
            Company._base_manager.bulk_update(batch, ["document"])
            batch = []
    Company._base_manager.bulk_update(batch, ["document"])


class Migration(migrations.Migration):
    dependencies = [("customers", "0008_companies")]

    operations = [migrations.RunPython(write_documents, migrations.RunPython.noop, elidable=True)]
