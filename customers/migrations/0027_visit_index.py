"""What people did in the shop's pages, by when they did it: segments ask for a window of days, and the index of
all events goes by id. On the events' own table, but only over this app's few names; built beside writers."""

from django.db import migrations

NAMES = "('customers.visited', 'customers.product_viewed', 'customers.cart_filled', 'customers.searched')"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0026_suppression_desk"), ("events", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_visit_window ON events_event"
            f" (merchant_id, name, occurred_at) INCLUDE (customer_id) WHERE name IN {NAMES}",
            "DROP INDEX CONCURRENTLY IF EXISTS customers_visit_window",
        ),
    ]
