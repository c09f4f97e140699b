"""Firms of the demo shop: distributors with their branches, business customers, suppliers, who speaks for them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from stdnum.cn import uscc

from crm.accounts.models import Membership, Merchant
from customers.companies.contacts import contact_add
from customers.companies.services import company_create
from customers.models import Company, Customer
from customers.services import customer_change
from orders.companies import channel_give
from orders.models import SalesChannel


@dataclass(frozen=True)
class Firm:
    """`tax` is a whole number, or for China the seventeen figures before the check digit. `people` names what
    its contacts speak as."""

    name: str
    kind: str
    city: str
    country: str = "CN"
    parent: str = ""
    tax: str = ""
    limit: int | None = None
    currency: str = ""
    days: int | None = None
    group: str = ""
    tags: tuple[str, ...] = ()
    people: tuple[tuple[str, str], ...] = ()


BUYER, PAYS, DECIDES = ("buyer", "采购经理"), ("payable", "财务"), ("decides", "总经理")
FIRMS = [
    Firm("江南茶业集团", "distributor", "上海", tax="91310000MA1FL3XK0", limit=300_000, days=60, group="一级经销",
         tags=("战略客户",), people=(DECIDES, PAYS)),
    Firm("江南茶业集团杭州分公司", "distributor", "杭州", parent="江南茶业集团", limit=80_000, days=45, group="一级经销",
         people=(BUYER,)),
    Firm("杭州西湖龙井门店", "distributor", "杭州", parent="江南茶业集团杭州分公司", days=30, group="二级经销",
         people=(BUYER,)),
    Firm("宁波老街茶铺", "distributor", "宁波", parent="江南茶业集团杭州分公司", days=30, group="二级经销"),
    Firm("江南茶业集团南京分公司", "distributor", "南京", parent="江南茶业集团", days=45, group="一级经销",
         people=(BUYER, PAYS)),
    Firm("岭南茗品商贸有限公司", "distributor", "广州", tax="91440101MA5AKQ7X9", limit=150_000, days=30,
         group="一级经销", people=(DECIDES, BUYER)),
    Firm("深圳湾茶空间", "distributor", "深圳", parent="岭南茗品商贸有限公司", days=15, group="二级经销",
         people=(BUYER,)),
    Firm("清和酒店管理有限公司", "customer", "北京", tax="91110105MA01GJ4C2", limit=2_000, days=30, group="企业客户",
         people=(BUYER, PAYS)),
    Firm("Nordlicht Teehandel GmbH", "distributor", "Hamburg", "DE", tax="DE136695976", limit=20_000,
         currency="EUR", days=30, group="Export", people=(("buyer", "Einkauf"), ("payable", "Buchhaltung"))),
    Firm("Maison du Thé SARL", "customer", "Lyon", "FR", tax="FR40303265045", limit=6_000, currency="EUR", days=45,
         group="Export", people=(("decides", "Gérante"),)),
    Firm("Leaf & Kettle Ltd", "customer", "Bristol", "GB", tax="GB980780684", currency="GBP", days=14, group="Export",
         people=(("buyer", "Buyer"),)),
    Firm("武夷山岩韵茶厂", "supplier", "武夷山", tax="91350782MA31U6PH4", people=(("sales", "销售"),)),
    Firm("安溪铁观音专业合作社", "supplier", "泉州", people=(("sales", "社长"),)),
    Firm("云麓包装设计", "partner", "苏州", people=(("other", "设计师"),)),
]  # fmt: skip


def firms_write(*, merchant: Merchant, owners: list[Membership]) -> list[Company]:
    """The firms in the order of the list. Their people are the shop's own customers, so that their orders count."""
    people = list(Customer.objects.order_by("pk")[: sum(len(one.people) for one in FIRMS)])
    made: dict[str, Company] = {}
    for number, firm in enumerate(FIRMS):
        made[firm.name] = _made(merchant, firm, made, owners[number % len(owners)] if owners else None)
        for role, title in firm.people:
            if people:
                _speaks(made[firm.name], people.pop(0), role, title)
    channel = SalesChannel.objects.order_by("-pk").first()
    if channel is not None:
        channel_give(channel=channel, company=made["岭南茗品商贸有限公司"])
    return list(made.values())


def _made(merchant: Merchant, firm: Firm, made: dict[str, Company], owner: Membership | None) -> Company:
    number = firm.tax
    if firm.country == "CN" and number:
        number += uscc.calc_check_digit(number)
    return company_create(
        merchant=merchant,
        source="demo",
        name=firm.name,
        kind=firm.kind,
        city=firm.city,
        country=firm.country,
        parent=made.get(firm.parent),
        tax_number=number,
        credit_limit=None if firm.limit is None else Decimal(firm.limit),
        currency=firm.currency,
        payment_days=firm.days,
        price_group=firm.group,
        tags=list(firm.tags),
        owner=owner,
    )


def _speaks(company: Company, person: Customer, role: str, title: str) -> None:
    customer_change(customer=person, source="demo", kind=Customer.Kind.CONTACT)
    first = not company.contact_links.exists()
    contact_add(company=company, customer=person, roles=[role], title=title, is_primary=first, source="demo")
