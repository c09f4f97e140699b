"""The shop's own fields and the views that its people keep."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

from crm.accounts.models import Membership, Merchant
from crm.accounts.permissions import Role
from crm.accounts.saved_views.services import view_create
from customers.fields.services import field_create

TEAS = [
    ("green", "绿茶 Green"),
    ("oolong", "乌龙 Oolong"),
    ("black", "红茶 Black"),
    ("pu-erh", "普洱 Pu-erh"),
]
ALLERGIES = ("Walnuts", "花生", "Milk", "桂花")


def fields_write(*, merchant: Merchant) -> None:
    """The fields, before any customer has values in them."""
    teas = [{"value": value, "label": label} for value, label in TEAS]
    made: tuple[dict[str, Any], ...] = (
        {"label": "Favourite tea", "key": "tea", "type": "choice", "choices": teas, "section": "Taste"},
        {"label": "Allergies", "type": "text", "is_personal": True, "section": "Taste"},
        {"label": "VIP since", "type": "date", "section": "Standing"},
        {"label": "Cups a day", "type": "number", "rules": {"min": "0", "max": "50"}, "section": "Taste"},
    )
    for one in made:
        field_create(merchant=merchant, **one)


def attributes_of(rng: Random, *, grade: str, since: date) -> dict[str, Any]:
    """What one person told: always the same for the same `rng`."""
    told: dict[str, Any] = {}
    if rng.random() < 0.5:
        told["tea"] = rng.choice(TEAS)[0]
        told["cups_a_day"] = rng.randint(1, 8)
    if rng.random() < 0.06:
        told["allergies"] = rng.choice(ALLERGIES)
    if grade == "VIP":
        told["vip_since"] = since.isoformat()
    return told


def views_write(*, merchant: Merchant, members: list[Membership]) -> None:
    by_role = {member.role: member for member in members}
    owner, agent = by_role[Role.OWNER], by_role[Role.AGENT]
    kept = (
        (
            owner,
            "customers",
            "VIP",
            "f.vip_since.from=2020-01-01&sort=net&columns=stage,net,last_order,f.vip_since,f.tea",
            "all",
        ),
        (owner, "customers", "Oolong", "f.tea=oolong&columns=stage,orders,net,f.tea,f.cups_a_day", "all"),
        (
            agent,
            "customers",
            "Mine, with allergies",
            "owner=me&columns=stage,last_order,f.allergies,f.tea",
            "own",
        ),
        (owner, "orders", "Largest, paid", "payment=paid&sort=total", "all"),
    )
    for member, list_key, name, query, audience in kept:
        view_create(
            merchant=merchant, member=member, list_key=list_key, name=name, query=query, audience=audience
        )
