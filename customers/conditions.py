"""Segment conditions over the profile of a customer; the other modules of this floor are called from here."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.ids import row_id
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.places import country_name
from customers import metric_conditions, profile_conditions, reach_conditions
from customers.companies import conditions as company_conditions
from customers.fields import conditions as own_fields
from customers.models import Customer, Region
from customers.regions.selectors import path_names, search
from customers.segmenting import (
    HITS,
    IS,
    Condition,
    Field,
    Option,
    Params,
    Row,
    Scope,
    Search,
    add_condition,
    choice_field,
    days_field,
    fixed_field,
    number_field,
    one_of,
    options_in_use,
    some_field,
)
from customers.visits import conditions as visits

PROFILE = _("Profile")
HAS_OR_NOT = (("has", _("have")), ("not", _("don't have")))


def _search_values(column: str) -> Search:
    """Options from the values in use; a value that nobody has any more keeps its own name as label."""

    def search(query: str, values: Sequence[str]) -> list[Option]:
        if values:
            return [Option(value, value) for value in values]
        return options_in_use(Customer.objects.all(), column, containing=query, most=HITS)

    return search


def search_tags(query: str, values: Sequence[str]) -> list[Option]:
    if values:
        return [Option(value, value) for value in values]
    found = Customer.objects.raw(
        """SELECT DISTINCT 1 AS id, tag AS name FROM customers_customer c, unnest(c.tags) AS tag
           WHERE c.merchant_id = %s::bigint AND c.tags <> '{}' AND strpos(lower(tag), lower(%s)) > 0
           ORDER BY 2 LIMIT 30""",
        [scoped_merchant_id(), query],
    )
    return [Option(row.name, row.name) for row in found]


def search_places(query: str, values: Sequence[str]) -> list[Option]:
    """Regions of the tree; one that is gone keeps its number for a name."""
    if values:
        rows = list(Region.objects.filter(pk__in=[pk for one in values if (pk := row_id(one)) is not None]))
        names = path_names(rows)
        return [Option(value, names.get(row_id(value) or 0, f"#{value}")) for value in values]
    rows = search(query)
    names = path_names(rows)
    return [Option(str(row.pk), names[row.pk]) for row in rows]


def _placed(params: Params, scope: Scope) -> Row:
    """In one of the regions or in what lies in them."""
    ids = [pk for one in params["values"] if (pk := row_id(one)) is not None]
    text = """c.located_in_id IN (
        SELECT i.id FROM customers_region i JOIN customers_region o ON o.merchant_id = i.merchant_id
            AND i.path LIKE o.path || '%%'
        WHERE i.merchant_id = %s::bigint AND o.id = ANY(%s::bigint[]))"""
    row = Row(text, (scope.merchant_id, ids), "c")
    return row.negated() if params["is"] == "not" else row


def countries() -> list[Option]:
    used = options_in_use(Customer.objects.all(), "country")
    return [Option(one.value, country_name(one.value)) for one in used]


def languages() -> list[Option]:
    names = dict(settings.LANGUAGES)
    used = options_in_use(Customer.objects.all(), "language")
    return [Option(one.value, str(names.get(one.value, one.value))) for one in used]


def owners() -> list[Option]:
    members = Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)
    found = members.select_related("user").order_by("user__name", "user__email")
    return [Option("0", _("nobody")), *(Option(str(member.pk), str(member.user)) for member in found)]


def _owner(params: Params, scope: Scope) -> Row:
    ids = [int(value) for value in params["values"] if value != "0"]
    nobody = " OR c.owner_id IS NULL" if "0" in params["values"] else ""
    row = Row(f"(c.owner_id = ANY(%s){nobody})", (ids,), "c")
    return row.negated() if params["is"] == "not" else row


def _tags(params: Params, scope: Scope) -> Row:
    row = Row("c.tags && %s::varchar[]", (list(params["values"]),), "c")
    return Row(f"NOT ({row.text})", row.params, "c") if params["has"] == "not" else row


def _created(params: Params, scope: Scope) -> Row:
    sign = ">=" if params["when"] == "last" else "<"
    return Row(f"c.created_at {sign} %s", (scope.days_ago(params["days"]),), "c")


def _birthday(params: Params, scope: Scope) -> Row:
    month = int(params["month"]) or scope.now.astimezone(scope.merchant.zone).month
    return Row("extract(month FROM c.birthday_on) = %s", (month,), "c")


def _months() -> list[Option]:
    names: list[Text] = [_("January"), _("February"), _("March"), _("April"), _("May"), _("June")]
    names += [_("July"), _("August"), _("September"), _("October"), _("November"), _("December")]
    return [Option("0", _("this month")), *(Option(str(at), name) for at, name in enumerate(names, start=1))]


def _random(params: Params, scope: Scope) -> Row:
    """Steady: the same people for the same draw, whenever it is read; another draw, other people."""
    text = "mod(hashint8extended(m.customer_id, %s) & 9223372036854775807, 10000) < %s"
    return Row(text, (int(params["draw"]), int(params["percent"]) * 100))


VALUES = _("Values")


for _condition in (
    Condition(
        "customers.stage",
        PROFILE,
        _("Stage"),
        _("whose stage {is} {values}"),
        one_of("c.stage"),
        (IS, fixed_field("values", VALUES, Customer.Stage.choices)),
    ),
    Condition(
        "customers.kind",
        PROFILE,
        _("Kind"),
        _("whose kind {is} {values}"),
        one_of("c.kind"),
        (IS, fixed_field("values", VALUES, Customer.Kind.choices)),
    ),
    Condition(
        "customers.tag",
        PROFILE,
        _("Tag"),
        _("who {has} the tag {values}"),
        _tags,
        (
            choice_field("has", _("Comparison"), HAS_OR_NOT),
            Field("values", "search", VALUES, [], search=search_tags),
        ),
    ),
    Condition(
        "customers.country",
        PROFILE,
        _("Country"),
        _("whose country {is} {values}"),
        one_of("c.country"),
        (IS, some_field(countries)),
    ),
    Condition(
        "customers.region",
        PROFILE,
        _("Region"),
        _("whose region {is} {values}"),
        one_of("c.region"),
        (IS, Field("values", "search", VALUES, [], search=_search_values("region"))),
    ),
    Condition(
        "customers.place",
        PROFILE,
        _("Region on the map"),
        _("who {is} in {values}"),
        _placed,
        (IS, Field("values", "search", VALUES, [], search=search_places)),
    ),
    Condition(
        "customers.city",
        PROFILE,
        _("City"),
        _("whose city {is} {values}"),
        one_of("c.city"),
        (IS, Field("values", "search", VALUES, [], search=_search_values("city"))),
    ),
    Condition(
        "customers.language",
        PROFILE,
        _("Language"),
        _("whose language {is} {values}"),
        one_of("c.language"),
        (IS, some_field(languages)),
    ),
    Condition(
        "customers.owner",
        PROFILE,
        pgettext_lazy("who looks after a customer", "Owner"),
        _("whose owner {is} {values}"),
        _owner,
        (IS, some_field(owners)),
    ),
    Condition(
        "customers.birthday",
        PROFILE,
        _("Birthday"),
        _("whose birthday is in {month}"),
        _birthday,
        (Field("month", "choice", _("Month"), "0", options=_months),),
    ),
    Condition(
        "customers.created",
        PROFILE,
        _("First seen"),
        _("first seen {when} {days} days"),
        _created,
        (
            choice_field(
                "when", _("Comparison"), (("last", _("in the last")), ("before", _("longer ago than")))
            ),
            days_field(_("Days"), 30),
        ),
    ),
    Condition(
        "customers.random",
        PROFILE,
        _("Random share"),
        _("among a random {percent} % of all customers, draw {draw}"),
        _random,
        (
            number_field("percent", _("Percent"), 10, minimum=1, maximum=99),
            number_field("draw", _("Draw"), 1, minimum=1, maximum=1_000),
        ),
    ),
):
    add_condition(_condition)
reach_conditions.register()
metric_conditions.register()
own_fields.register()
visits.register()
profile_conditions.register()
company_conditions.register()
