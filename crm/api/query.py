"""Query parameters, checked before anything is read: unknown, empty, doubled and odd ones are refused."""

from __future__ import annotations

import re
from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.lib.errors import Rejected

# RFC 3339: an instant says its offset. "+" in a query must be sent as %2B, "Z" needs no escaping.
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
INSTANT_FILTERS = (django_filters.IsoDateTimeFilter, django_filters.DateTimeFilter)
MANY_FILTERS = (django_filters.MultipleChoiceFilter, django_filters.AllValuesMultipleFilter)


def check_query(view: Any, request: Request) -> None:
    """Raises Rejected with a complaint for each wrong parameter."""
    known = known_parameters(view, request)
    wrong: dict[str, list[Any]] = {}
    for name, values in request.query_params.lists():
        complaint = complaint_about(known.get(name), values) if name in known else _("Unknown parameter.")
        if complaint:
            wrong[name.replace("\x00", "")] = [complaint]
    if wrong:
        raise Rejected(_("The query has parameters that can't be accepted."), code="invalid", fields=wrong)


def known_parameters(view: Any, request: Request) -> dict[str, Any]:
    """Parameter name → its filter, or None for one that the operation reads itself."""
    known: dict[str, Any] = dict.fromkeys(view.query_params)
    if request.method not in {"GET", "HEAD"} or getattr(view, "detail", None) is not False:
        return known
    pagination = getattr(view, "pagination_class", None)
    known |= dict.fromkeys(getattr(pagination, "parameters", ()))
    filterset = getattr(view, "filterset_class", None)
    return known | dict(getattr(filterset, "base_filters", {}))


def complaint_about(chosen: Any, values: list[str]) -> str:
    """What is wrong with the values, or ""."""
    if len(values) > 1 and not isinstance(chosen, MANY_FILTERS):
        return _("Send this parameter once.")
    if not all(values):
        return _("Leave this parameter out or give it a value.")
    if any("\x00" in value for value in values):
        return _("A text contains a NUL character.")
    if isinstance(chosen, django_filters.BooleanFilter) and values[0] not in {"true", "false"}:
        return _("Use true or false.")
    if isinstance(chosen, INSTANT_FILTERS) and not INSTANT.fullmatch(values[0]):
        return _("Use an instant with its offset, such as 2026-11-11T08:00:00Z.")
    if isinstance(chosen, django_filters.DateFilter) and not DAY.fullmatch(values[0]):
        return _("Use a date such as 2026-11-11.")
    return ""
