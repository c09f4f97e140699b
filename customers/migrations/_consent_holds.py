"""The SQL of 0025: which consent holds. Applied everywhere, so never changed."""

TRIGGERS = """
CREATE FUNCTION customers_consent_settle(shop bigint, who bigint, way varchar, what varchar) RETURNS void
LANGUAGE sql AS $$
    UPDATE customers_consent c SET holds = NOT c.holds FROM (
        SELECT k.id FROM customers_consent k
         WHERE k.merchant_id = shop AND k.customer_id = who AND k.channel = way AND k.purpose = what
         ORDER BY k.recorded_at DESC, k.id DESC LIMIT 1
    ) newest
    WHERE c.merchant_id = shop AND c.customer_id = who AND c.channel = way AND c.purpose = what
      AND c.holds IS DISTINCT FROM (c.id = newest.id)
$$;

-- A new entry says that it holds. Only where there are others something is left to do.
CREATE FUNCTION customers_consent_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM customers_consent_settle(a.merchant_id, a.customer_id, a.channel, a.purpose) FROM (
        SELECT DISTINCT merchant_id, customer_id, channel, purpose FROM arrived
    ) a WHERE (
        SELECT count(*) FROM (
            SELECT 1 FROM customers_consent k WHERE k.merchant_id = a.merchant_id
               AND k.customer_id = a.customer_id AND k.channel = a.channel AND k.purpose = a.purpose LIMIT 2
        ) two
    ) > 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER arrived AFTER INSERT ON customers_consent REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION customers_consent_arrived();

CREATE FUNCTION customers_consent_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM customers_consent_settle(OLD.merchant_id, OLD.customer_id, OLD.channel, OLD.purpose);
    IF TG_OP = 'UPDATE' THEN
        PERFORM customers_consent_settle(NEW.merchant_id, NEW.customer_id, NEW.channel, NEW.purpose);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER moved AFTER DELETE OR UPDATE OF customer_id, channel, purpose, recorded_at
    ON customers_consent FOR EACH ROW EXECUTE FUNCTION customers_consent_moved();

UPDATE customers_consent c SET holds = FALSE FROM (
    SELECT id, row_number() OVER (
        PARTITION BY merchant_id, customer_id, channel, purpose ORDER BY recorded_at DESC, id DESC
    ) AS place FROM customers_consent
) p WHERE p.id = c.id AND p.place > 1;
"""

NO_TRIGGERS = """
DROP TRIGGER moved ON customers_consent;
DROP TRIGGER arrived ON customers_consent;
DROP FUNCTION customers_consent_moved();
DROP FUNCTION customers_consent_arrived();
DROP FUNCTION customers_consent_settle(bigint, bigint, varchar, varchar);
"""
