"""Segment conditions over the profile, consent, worth and scores of a customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.ids import row_id
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.places import country_name
from customers import profile_conditions, reach_conditions
from customers.companies import conditions as company_conditions
from customers.fields import conditions as own_fields
from customers.models import Consent, Customer, Identity, Region
from customers.models.consent import Channel, Purpose
from customers.regions.selectors import path_names, search
from customers.segmenting import (
    Build,
    Condition,
    Field,
    Members,
    Option,
    Params,
    Row,
    Scope,
    Search,
    add_condition,
    choice_field,
    days_field,
    number_field,
)
from customers.visits import conditions as visits

PROFILE, REACH, WORTH, ENGAGEMENT = _("Profile"), _("Consent and reach"), _("Worth"), _("Mail")
IS_OR_NOT = (("is", _("is")), ("not", _("is not")))
HAS_OR_NOT = (("has", _("have")), ("not", _("don't have")))
AT_LEAST = (("min", _("at least")), ("max", _("at most")))
OPERATORS = {"min": ">=", "max": "<="}
LONGEST_LIST = 200


def _one_of(column: str, uses: str, params: Params) -> Row:
    """`column` is, or is not, among params["values"]; an unknown value is "is not"."""
    row = Row(f"{column} = ANY(%s)", (list(params["values"]),), uses)
    return Row(f"({row.text}) IS NOT TRUE", row.params, uses) if params["is"] == "not" else row


def _distinct(column: str) -> list[str]:
    """The values of a text column in use, alphabetical, at most 200."""
    found = (
        Customer.objects.exclude(**{column: ""}).order_by(column).values_list(column, flat=True).distinct()
    )
    return list(found[:LONGEST_LIST])


def _search_values(column: str) -> Search:
    """Options from the values in use; a value that nobody has any more keeps its own name as label."""

    def search(query: str, values: Sequence[str]) -> list[Option]:
        if values:
            return [Option(value, value) for value in values]
        found = Customer.objects.exclude(**{column: ""}).filter(**{f"{column}__icontains": query})
        names = found.order_by(column).values_list(column, flat=True).distinct()[:30]
        return [Option(name, name) for name in names]

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
    return Row(f"({row.text}) IS NOT TRUE", row.params, "c") if params["is"] == "not" else row


def countries() -> list[Option]:
    return [Option(code, country_name(code)) for code in _distinct("country")]


def languages() -> list[Option]:
    names = dict(settings.LANGUAGES)
    return [Option(code, str(names.get(code, code))) for code in _distinct("language")]


def owners() -> list[Option]:
    members = Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)
    found = members.select_related("user").order_by("user__name", "user__email")
    return [Option("0", _("nobody")), *(Option(str(member.pk), str(member.user)) for member in found)]


def tiers() -> list[Option]:
    names = Customer.objects.exclude(metrics__tier="").values_list("metrics__tier", flat=True).distinct()
    return [Option(name, name) for name in sorted(names[:50])]


def _owner(params: Params, scope: Scope) -> Row:
    ids = [int(value) for value in params["values"] if value != "0"]
    nobody = " OR c.owner_id IS NULL" if "0" in params["values"] else ""
    text = f"(c.owner_id = ANY(%s){nobody})"
    return Row(f"{text} IS NOT TRUE" if params["is"] == "not" else text, (ids,), "c")


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


def _consent(params: Params, scope: Scope) -> Members | Row:
    """Reads the entry of the ledger that holds for each customer, along customers_consent_holds."""
    table, among = Consent._meta.db_table, scope.among("k.customer_id")
    held = f"""SELECT k.customer_id FROM {table} k
        WHERE k.holds AND k.merchant_id = %s::bigint AND k.channel = %s AND k.purpose = %s{among.text}"""
    args = (scope.merchant_id, params["channel"], params["purpose"], *among.params)
    if params["state"] == "never":
        text = f"NOT EXISTS (SELECT 1 FROM ({held}) a WHERE a.customer_id = m.customer_id)"
        return Members(*_from_metrics(scope, text, args))
    wanted = "" if params["state"] == "granted" else "NOT "
    return Members(f"{held} AND {wanted}k.granted", args)


def _from_metrics(scope: Scope, where: str, params: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    among = scope.among("m.customer_id")
    text = (
        "SELECT m.customer_id FROM customers_metrics m"
        f" WHERE m.merchant_id = %s::bigint{among.text} AND {where}"
    )
    return text, (scope.merchant_id, *among.params, *params)


def _reachable(params: Params, scope: Scope) -> Row | Members:
    if params["channel"] == Channel.EMAIL:
        return Row("c.email <> ''", (), "c")
    if params["channel"] == Channel.SMS:
        return Row("c.phone <> ''", (), "c")
    return scope.members(Identity._meta.db_table, "t.kind = %s", [Identity.Kind.WECHAT_OPENID])


def _bins(params: Params, scope: Scope) -> Row:
    column = {"r": "recency_bin", "f": "frequency_bin", "m": "monetary_bin"}[params["bin"]]
    low, high = sorted((int(params["low"]), int(params["high"])))
    return Row(f"m.{column} BETWEEN %s AND %s", (low, high))


def _random(params: Params, scope: Scope) -> Row:
    """Steady: the same people for the same draw, whenever it is read; another draw, other people."""
    text = "mod(hashint8extended(m.customer_id, %s) & 9223372036854775807, 10000) < %s"
    return Row(text, (int(params["draw"]), int(params["percent"]) * 100))


def _compare(column: str) -> Build:
    def build(params: Params, scope: Scope) -> Row:
        return Row(f"m.{column} {OPERATORS[params['compare']]} %s", (params["value"],))

    return build


def _recently(column: str) -> Build:
    def build(params: Params, scope: Scope) -> Row:
        since = scope.days_ago(params["days"])
        if params["did"] == "not":
            return Row(f"(m.{column} >= %s) IS NOT TRUE", (since,))
        return Row(f"m.{column} >= %s", (since,))

    return build


VALUES = _("Values")
IS = choice_field("is", _("Comparison"), IS_OR_NOT)
COMPARE = choice_field("compare", _("Comparison"), AT_LEAST)
DID = choice_field("did", _("Comparison"), (("did", _("have")), ("not", _("have not"))))


def _some(options: Callable[[], Sequence[Option]]) -> Field:
    return Field("values", "choices", VALUES, [], options=options)


def _fixed(pairs: Sequence[tuple[str, Text]]) -> Field:
    return Field("values", "choices", VALUES, [], options=[Option(value, label) for value, label in pairs])


for _condition in (
    Condition(
        "customers.stage",
        PROFILE,
        _("Stage"),
        _("whose stage {is} {values}"),
        lambda params, scope: _one_of("c.stage", "c", params),
        (IS, _fixed(Customer.Stage.choices)),
    ),
    Condition(
        "customers.kind",
        PROFILE,
        _("Kind"),
        _("whose kind {is} {values}"),
        lambda params, scope: _one_of("c.kind", "c", params),
        (IS, _fixed(Customer.Kind.choices)),
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
        lambda params, scope: _one_of("c.country", "c", params),
        (IS, _some(countries)),
    ),
    Condition(
        "customers.region",
        PROFILE,
        _("Region"),
        _("whose region {is} {values}"),
        lambda params, scope: _one_of("c.region", "c", params),
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
        lambda params, scope: _one_of("c.city", "c", params),
        (IS, Field("values", "search", VALUES, [], search=_search_values("city"))),
    ),
    Condition(
        "customers.language",
        PROFILE,
        _("Language"),
        _("whose language {is} {values}"),
        lambda params, scope: _one_of("c.language", "c", params),
        (IS, _some(languages)),
    ),
    Condition(
        "customers.owner",
        PROFILE,
        pgettext_lazy("who looks after a customer", "Owner"),
        _("whose owner {is} {values}"),
        _owner,
        (IS, _some(owners)),
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
        "customers.consent",
        REACH,
        _("Consent"),
        _("who {state} {purpose} by {channel}"),
        _consent,
        (
            choice_field(
                "state",
                _("State"),
                (
                    ("granted", _("allowed")),
                    ("withdrawn", _("withdrew")),
                    ("never", _("were never asked for")),
                ),
            ),
            choice_field("purpose", _("Purpose"), Purpose.choices),
            choice_field("channel", _("Channel"), Channel.choices),
        ),
    ),
    Condition(
        "customers.reachable",
        REACH,
        _("Can be reached"),
        _("who can be reached by {channel}"),
        _reachable,
        (choice_field("channel", _("Channel"), Channel.choices),),
    ),
    Condition(
        "customers.points",
        WORTH,
        _("Points"),
        _("who have {compare} {value} points"),
        _compare("points"),
        (COMPARE, number_field("value", _("Points"), 100)),
    ),
    Condition(
        "customers.tier",
        WORTH,
        _("Tier"),
        _("whose tier {is} {values}"),
        lambda params, scope: _one_of("m.tier", "m", params),
        (IS, _some(tiers)),
    ),
    Condition(
        "customers.score",
        WORTH,
        _("Score"),
        _("whose score is {compare} {value}"),
        _compare("score"),
        (COMPARE, number_field("value", _("Score"), 70, maximum=100)),
    ),
    Condition(
        "customers.rfm",
        WORTH,
        _("Recency, frequency, money"),
        _("whose {bin} is from {low} to {high} of 5"),
        _bins,
        (
            choice_field("bin", _("Which"), (("r", _("recency")), ("f", _("frequency")), ("m", _("money")))),
            number_field("low", _("From"), 4, minimum=1, maximum=5),
            number_field("high", _("To"), 5, minimum=1, maximum=5),
        ),
    ),
    Condition(
        "customers.opened",
        ENGAGEMENT,
        _("Opened mail"),
        _("who {did} opened a mail in the last {days} days"),
        _recently("last_opened_at"),
        (DID, days_field(_("Days"), 30)),
    ),
    Condition(
        "customers.clicked",
        ENGAGEMENT,
        _("Clicked in mail"),
        _("who {did} clicked in a mail in the last {days} days"),
        _recently("last_clicked_at"),
        (DID, days_field(_("Days"), 30)),
    ),
    Condition(
        "customers.mailed",
        ENGAGEMENT,
        _("Got mail"),
        _("who {did} got a mail in the last {days} days"),
        _recently("last_sent_at"),
        (DID, days_field(_("Days"), 7)),
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
own_fields.register()
visits.register()
profile_conditions.register()
reach_conditions.register()
company_conditions.register()
