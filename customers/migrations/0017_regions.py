"""A tree of regions, and the place of customers and companies in it, kept by the database.

The triggers run for every way in: forms, API, COPY, imports, merges and their undo.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import crm.lib.tenancy

PLACE_KEY = r"""
CREATE FUNCTION customers_place_key(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(lower(regexp_replace(normalize(said, NFKC), '[\s.,''’`()·-]+', '', 'g')), 120)
$$
"""
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


def place() -> crm.lib.tenancy.MerchantForeignKey:
    return crm.lib.tenancy.MerchantForeignKey(
        blank=True,
        db_index=False,
        null=True,
        editable=False,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to="customers.region",
    )


def place_index(name: str) -> models.Index:
    condition = models.Q(("located_in__isnull", False))
    return models.Index(models.F("merchant"), models.F("located_in"), condition=condition, name=name)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_saved_views"), ("customers", "0016_bulk_changes")]

    operations = [
        migrations.CreateModel(
            name="Region",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("code", models.CharField(blank=True, default="", max_length=20, verbose_name="code")),
                ("country", models.CharField(blank=True, default="", max_length=2, verbose_name="country")),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), blank=True, default=list, size=None
                    ),
                ),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                ("path", models.CharField(default="/", editable=False, max_length=200)),
                ("level", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
                    "parent",
                    crm.lib.tenancy.MerchantForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="children",
                        to="customers.region",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("merchant", "parent", "name"),
                        nulls_distinct=False,
                        name="customers_region_name",
                    )
                ],
                "indexes": [
                    models.Index(
                        models.F("merchant"),
                        django.contrib.postgres.indexes.OpClass(models.F("path"), name="varchar_pattern_ops"),
                        name="customers_region_path",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["merchant", "keys"], name="customers_region_keys"
                    ),
                ],
            },
        ),
        migrations.AddField("customer", "located_in", place()),
        migrations.AddField("company", "located_in", place()),
        migrations.AddIndex("customer", place_index("customers_customer_place")),
        migrations.AddIndex("company", place_index("customers_company_place")),
        migrations.RunSQL(PLACE_KEY, "DROP FUNCTION customers_place_key(text)"),
        migrations.RunSQL(LOCATE, "DROP FUNCTION customers_locate(bigint, text, text, text)"),
        migrations.RunSQL(TRIGGER, NO_TRIGGER),
    ]
