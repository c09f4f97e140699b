"""Products and variants that the file names, made where the channel doesn't know them yet."""

from __future__ import annotations

from crm.imports.models import Change, ImportBatch
from crm.imports.sql import execute, fetch_one
from orders.importing.tables import PRODUCT, VARIANT, names
from orders.models import SalesChannel

CHUNK_ITEMS = 5_000
CHANGE = Change._meta.db_table


def channel_make(batch: ImportBatch) -> SalesChannel:
    """The batch's channel; a new one for files when it is the first import into it."""
    slug = batch.options["channel"]
    channel, created = SalesChannel.objects.get_or_create(
        merchant_id=batch.merchant_id,
        slug=slug,
        defaults={"name": slug.replace("-", " ").capitalize(), "kind": SalesChannel.Kind.FILE},
    )
    if created:
        Change.objects.create(
            merchant_id=batch.merchant_id, batch=batch, model="orders.saleschannel", object_id=channel.pk
        )
    return channel


def item_count(batch: ImportBatch) -> int:
    return int(batch.counts.get("products", 0))


def products_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Links the next items to products and variants, made when unknown; what exists is left as it is."""
    channel = channel_make(batch)
    last = min(cursor + CHUNK_ITEMS, item_count(batch))
    if last <= cursor:
        return None
    sql = names(batch)
    values = {
        "merchant": batch.merchant_id,
        "channel": channel.pk,
        "currency": batch.options["currency"],
        "batch": batch.pk,
        "first": cursor,
        "last": last,
    }
    # Sorted, so that two imports that write the same products wait for each other instead of locking up.
    execute(
        f"""
        WITH made AS (
            INSERT INTO {PRODUCT} (merchant_id, channel_id, external_id, title, category, brand, url,
                image_url,
                                   price, currency, is_active, created_at, updated_at)
            SELECT %(merchant)s, %(channel)s, item_key, coalesce(title, ''), coalesce(category, ''), '', '',
                '',
                   price, %(currency)s, true, now(), now()
            FROM {{items}} WHERE item_no > %(first)s AND item_no <= %(last)s ORDER BY item_key
            ON CONFLICT (merchant_id, channel_id, external_id) DO NOTHING RETURNING id, updated_at
        )
        INSERT INTO {CHANGE} (merchant_id, batch_id, model, object_id, stamp)
        SELECT %(merchant)s, %(batch)s, 'orders.product', id, updated_at FROM made
        """.format(**sql),
        values,
    )
    execute(
        f"""
        UPDATE {{items}} i SET product_id = p.id FROM {PRODUCT} p
        WHERE i.item_no > %(first)s AND i.item_no <= %(last)s AND p.merchant_id = %(merchant)s
              AND p.channel_id = %(channel)s AND p.external_id = i.item_key
        """.format(**sql),
        values,
    )
    execute(
        f"""
        WITH made AS (
            INSERT INTO {VARIANT} (merchant_id, product_id, external_id, sku, title, price)
            SELECT %(merchant)s, product_id, coalesce(sku, ''), coalesce(sku, ''), '', price
            FROM {{items}} WHERE item_no > %(first)s AND item_no <= %(last)s ORDER BY product_id
            ON CONFLICT (merchant_id, product_id, external_id) DO NOTHING RETURNING id
        )
        INSERT INTO {CHANGE} (merchant_id, batch_id, model, object_id)
        SELECT %(merchant)s, %(batch)s, 'orders.variant', id FROM made
        """.format(**sql),
        values,
    )
    execute(
        f"""
        UPDATE {{items}} i SET variant_id = v.id FROM {VARIANT} v
        WHERE i.item_no > %(first)s AND i.item_no <= %(last)s AND v.merchant_id = %(merchant)s
              AND v.product_id = i.product_id AND v.external_id = coalesce(i.sku, '')
        """.format(**sql),
        values,
    )
    return last


def new_products(batch: ImportBatch) -> int:
    sql = (
        f"SELECT count(*) FROM {CHANGE} WHERE merchant_id = %s AND batch_id = %s AND model = 'orders.product'"
    )
    return int(fetch_one(sql, [batch.merchant_id, batch.pk])[0])
