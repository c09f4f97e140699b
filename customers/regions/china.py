"""China's provinces, prefectures and districts, as data of the product (docs/decisions/0026)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Conflict
from customers.models import Region
from customers.regions.loading import regions_load
from customers.regions.services import region_add, region_change

FILE = Path(__file__).with_name("china.csv")
# Levels of the official tree that no address names: what lies in them lies in the municipality or province.
PLACEHOLDERS = {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"}
# GB/T 2260 → (ISO 3166-2:CN, the number that WooCommerce gives the province)
CODES = {
    "11": ("BJ", 2),
    "12": ("TJ", 3),
    "13": ("HE", 4),
    "14": ("SX", 5),
    "15": ("NM", 6),
    "21": ("LN", 7),
    "22": ("JL", 8),
    "23": ("HL", 9),
    "31": ("SH", 10),
    "32": ("JS", 11),
    "33": ("ZJ", 12),
    "34": ("AH", 13),
    "35": ("FJ", 14),
    "36": ("JX", 15),
    "37": ("SD", 16),
    "41": ("HA", 17),
    "42": ("HB", 18),
    "43": ("HN", 19),
    "44": ("GD", 20),
    "45": ("GX", 21),
    "46": ("HI", 22),
    "50": ("CQ", 23),
    "51": ("SC", 24),
    "52": ("GZ", 25),
    "53": ("YN", 1),
    "54": ("XZ", 31),
    "61": ("SN", 26),
    "62": ("GS", 27),
    "63": ("QH", 28),
    "64": ("NX", 29),
    "65": ("XJ", 32),
}


def rows() -> Iterator[tuple[str, str, str, list[str]]]:
    """(code, code of what it lies in, name, aliases) of some 3,300 divisions, the outer before the inner."""
    with FILE.open(encoding="utf-8", newline="") as file:
        listed = [(row["code"], row["name"]) for row in csv.DictReader(file)]
    hidden = {code for code, name in listed if name in PLACEHOLDERS}
    for code, name in sorted(listed, key=lambda row: (len(row[0]), row[0])):
        if code in hidden:
            continue
        above = code[:-2]
        outer = above[:-2] if above in hidden else above
        iso, number = CODES.get(code, ("", 0))
        yield code, outer, name, [f"CN-{iso}", iso, f"CN{number}"] if iso else []


def china_load(*, merchant: Merchant) -> int:
    """How many divisions were new; below the root of country CN, which is made where there is none. What the
    shop has renamed or moved stays as it is."""
    root = Region.objects.filter(level=0, country="CN").first()
    if root is None:
        root = Region.objects.filter(level=0, keys__contains=["china"]).first()
        if root is not None and root.country:
            raise Conflict(_("“%(name)s” is another country's.") % {"name": root.name}, code="region_taken")
        if root is not None:
            root = region_change(region=root, country="CN")
    if root is None:
        root = region_add(
            merchant=merchant, name=_("China"), country="CN", aliases=["China", "中国", "中國", "PRC", "CHN"]
        )
    return regions_load(merchant=merchant, root=root, rows=rows())
