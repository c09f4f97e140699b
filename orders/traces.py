"""Where a customer's orders went: two people who share that may be one."""

from customers.registries import Trace, add_trace

# Digits of a phone that tell it apart whether or not the country was dialled.
PHONE_DIGITS = 9

add_trace(
    Trace(
        "orders.phone",
        f"""
        SELECT customer_id, right(digits, {PHONE_DIGITS})
        FROM (
            SELECT DISTINCT customer_id, regexp_replace(told, '\\D', '', 'g') AS digits
            FROM orders_order,
                 LATERAL (SELECT coalesce(nullif(shipping_address ->> 'phone', ''), phone) AS told) p
            WHERE merchant_id = %(merchant_id)s::bigint AND customer_id = ANY(%(ids)s) AND told !~ '[*•]'
        ) seen
        WHERE length(digits) >= {PHONE_DIGITS}
        """,
    )
)
add_trace(
    Trace(
        "orders.address",
        """
        SELECT customer_id, line
        FROM (
            SELECT DISTINCT customer_id, lower(regexp_replace(
                       concat_ws('', shipping_address ->> 'line1', shipping_address ->> 'line2',
                                 shipping_address ->> 'postal_code', shipping_address ->> 'city'),
                       '[[:space:][:punct:]]', '', 'g')) AS line
            FROM orders_order
            WHERE merchant_id = %(merchant_id)s::bigint AND customer_id = ANY(%(ids)s)
                  AND shipping_address ->> 'line1' ~ '\\d' AND shipping_address ->> 'line1' !~ '[*•]'
        ) seen
        """,
    )
)
