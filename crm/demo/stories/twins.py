"""People who came twice: what the queue of probable duplicates is for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from crm.accounts.models import Merchant
from crm.events.models import Event
from customers.belongings import address_add
from customers.duplicates.scanning import duplicates_find
from customers.models import Customer
from customers.services import customer_create

Facts = dict[str, Any]
# (how they came first, how they came again); "line1" and "postal_code" go into their address.
TWINS: list[tuple[Facts, Facts]] = [
    (
        {"name": "Margaret Whitfield", "email": "margaret.whitfield@gmail.com", "birthday_on": date(1968, 4, 17), "city": "Leeds", "country": "GB"},
        {"name": "Maggie Whitfield", "email": "margaretwhitfield+tea@gmail.com", "birthday_on": date(1968, 4, 17), "city": "Leeds", "country": "GB"},
    ),
    (
        {"name": "Henrik Sørensen", "email": "henrik.soerensen@post.example", "birthday_on": date(1981, 9, 2), "city": "Aarhus", "country": "DK", "line1": "Skovvejen 14", "postal_code": "8000"},
        {"name": "Henrik Sorensen", "email": "h.sorensen81@mail.example", "birthday_on": date(1981, 9, 2), "city": "Aarhus", "country": "DK", "line1": "Skovvejen 14", "postal_code": "8000"},
    ),
    (
        {"name": "Elizabeth Hargreaves", "email": "lizhargreaves7@mail.example", "city": "Bath", "country": "GB", "line1": "3 Royal Avenue", "postal_code": "BA1 2LY"},
        {"name": "Liz Hargreaves", "email": "liz.hargreaves@example.org", "city": "Bath", "country": "GB", "line1": "3 Royal Avenue", "postal_code": "BA1 2LY"},
    ),
    (
        {"name": "Jean-Luc Moreau", "email": "jlmoreau1975@post.example", "birthday_on": date(1975, 11, 30), "city": "Lyon", "country": "FR"},
        {"name": "Moreau Jean-Luc", "email": "jlmoreau1975@mail.example", "birthday_on": date(1975, 11, 3), "city": "Lyon", "country": "FR"},
    ),
    (
        {"name": "Katharina Vogelsang", "email": "kvogelsang@example.net", "birthday_on": date(1990, 6, 21), "city": "Hamburg", "country": "DE"},
        {"name": "Katarina Vogelsang", "email": "katarina.v@post.example", "birthday_on": date(1990, 6, 21), "city": "Hamburg", "country": "DE"},
    ),
    (
        {"name": "Tobias Lindgren", "email": "tobias.lindgren@mail.example", "birthday_on": date(1986, 1, 12), "city": "Uppsala", "country": "SE"},
        {"name": "Tobbias Lindgren", "email": "tlindgren@example.org", "birthday_on": date(1986, 1, 21), "city": "Uppsala", "country": "SE", "line1": "Kungsgatan 5"},
    ),
    (
        {"name": "欧阳思远", "email": "ouyangsiyuan88@post.example", "birthday_on": date(1988, 5, 8), "city": "杭州", "country": "CN", "language": "zh-hans"},
        {"name": "Siyuan Ouyang", "email": "ouyangsiyuan88@mail.example", "birthday_on": date(1988, 5, 8), "city": "杭州", "country": "CN"},
    ),
    (
        {"name": "诸葛明轩", "email": "zhugemx@example.net", "city": "南京", "country": "CN", "language": "zh-hans", "line1": "中山路 88 号 3 栋 502", "postal_code": "210008", "phone": "+8613951770031"},
        {"name": "諸葛明軒", "email": "mingxuan.z@mail.example", "city": "南京", "country": "CN", "language": "zh-hant", "line1": "中山路88号3栋502", "postal_code": "210008"},
    ),
    (
        {"name": "慕容清雅", "email": "qingya.murong@gmail.com", "birthday_on": date(1993, 2, 14), "city": "苏州", "country": "CN", "language": "zh-hans"},
        {"name": "慕容清雅女士", "email": "qingyamurong@gmail.com", "city": "苏州", "country": "CN", "language": "zh-hans"},
    ),
    (
        {"name": "司徒浩然", "email": "situ.haoran@post.example", "birthday_on": date(1979, 12, 1), "city": "广州", "country": "CN", "language": "zh-hans"},
        {"name": "Haoran Situ", "email": "haoran79@mail.example", "birthday_on": date(1979, 12, 1), "city": "Guangzhou", "country": "CN"},
    ),
    (
        {"name": "夏侯婉婷", "email": "xiahou.wt@example.org", "birthday_on": date(1996, 7, 19), "city": "成都", "country": "CN", "language": "zh-hans", "phone": "+8613882210406"},
        {"name": "夏侯婉亭", "email": "wanting96@mail.example", "birthday_on": date(1996, 7, 19), "city": "成都", "country": "CN", "language": "zh-hans", "phone": "+8613882210408"},
    ),
    (
        {"name": "皇甫子涵", "email": "huangfuzihan@post.example", "birthday_on": date(2001, 10, 5), "city": "西安", "country": "CN", "language": "zh-hans", "line1": "长安南路 9 号", "postal_code": "710061"},
        {"name": "Zihan Huangfu", "email": "zihan.hf@example.net", "birthday_on": date(2001, 10, 6), "city": "西安", "country": "CN", "line1": "长安南路9号", "postal_code": "710061"},
    ),
]  # fmt: skip


def twins_write(*, merchant: Merchant, now: datetime) -> None:
    """A dozen people known twice, first by an import of last year and again since, and the night's pass that
    finds them."""
    for place, (first, again) in enumerate(TWINS):
        _write(merchant, "import", dict(first), now - timedelta(days=380))
        _write(merchant, "checkout", dict(again), now - timedelta(days=20 + 17 * place))
    duplicates_find()


def _write(merchant: Merchant, source: str, facts: Facts, since: datetime) -> None:
    home = {name: facts.pop(name) for name in ("line1", "postal_code") if name in facts}
    customer = customer_create(merchant=merchant, source=source, **facts)
    Customer.objects.filter(pk=customer.pk).update(created_at=since)
    Event.objects.filter(customer_id=customer.pk).update(occurred_at=since)
    if home:
        address_add(customer=customer, city=facts["city"], country=facts["country"], **home)
