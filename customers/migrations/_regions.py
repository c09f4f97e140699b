"""The SQL of 0017: a customer's place in the tree of regions. Applied everywhere, so never changed."""

PLACE_KEY = r"""
CREATE FUNCTION customers_place_key(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(lower(regexp_replace(normalize(said, NFKC), '[\s.,''’`()·-]+', '', 'g')), 120)
$$
"""
NO_PLACE_KEY = "DROP FUNCTION customers_place_key(text)"

# The country's root, in it the region, in that the city. The nearest to the root wins; where two are as near, the word
# says nothing. Two index probes at most for each word; none in a shop without regions.
LOCATE = """
CREATE FUNCTION customers_locate(shop bigint, in_country text, in_region text, in_city text)
RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    here text := '/';
    place bigint;
    word text;
    seen integer[];
    ids bigint[];
    paths text[];
BEGIN
    IF in_country = '' AND in_region = '' AND in_city = '' THEN
        RETURN NULL;
    END IF;
    SELECT r.id, r.path INTO place, here FROM customers_region r
     WHERE r.merchant_id = shop AND in_country <> '' AND r.country = in_country AND r.level = 0
       AND r.keys @> ARRAY[lower(in_country)]::varchar[]
     ORDER BY r.id LIMIT 1;
    here := coalesce(here, '/');
    FOREACH word IN ARRAY ARRAY[customers_place_key(in_region), customers_place_key(in_city)] LOOP
        -- Two letters name a state of many a country.
        CONTINUE WHEN word = '' OR in_country = '' AND word ~ '^[a-z0-9]{1,2}$';
        SELECT array_agg(f.level), array_agg(f.id), array_agg(f.path) INTO seen, ids, paths FROM (
            SELECT r.level, r.id, r.path FROM customers_region r
             WHERE r.merchant_id = shop AND r.keys @> ARRAY[word]::varchar[] AND r.path LIKE here || '%'
               AND (in_country = '' OR r.country IN ('', in_country))
             ORDER BY r.level, r.id LIMIT 2
        ) f;
        IF seen[2] IS NULL OR seen[2] > seen[1] THEN
            place := coalesce(ids[1], place);
            here := coalesce(paths[1], here);
        END IF;
    END LOOP;
    RETURN place;
END
$$
"""
NO_LOCATE = "DROP FUNCTION customers_locate(bigint, text, text, text)"

TRIGGER = """
CREATE FUNCTION customers_located() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.located_in_id := customers_locate(NEW.merchant_id, NEW.country, NEW.region, NEW.city);
    RETURN NEW;
END
$$;
CREATE TRIGGER located BEFORE INSERT OR UPDATE OF country, region, city, located_in_id ON customers_customer
    FOR EACH ROW EXECUTE FUNCTION customers_located();
CREATE TRIGGER located BEFORE INSERT OR UPDATE OF country, region, city, located_in_id ON customers_company
    FOR EACH ROW EXECUTE FUNCTION customers_located();
"""

NO_TRIGGER = """
DROP TRIGGER located ON customers_company;
DROP TRIGGER located ON customers_customer;
DROP FUNCTION customers_located();
"""
