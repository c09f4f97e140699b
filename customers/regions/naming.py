"""The spellings of a place: 广东省, 广东, Guangdong, Guangdong Province, GD and CN-GD are one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Kept equal to the SQL function customers_place_key of migration 0017 (tests/customers/test_regions.py).
IGNORED = re.compile(r"[\s.,'’`()·-]+")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Kinds of divisions, the longer first; the name is known without them, but never by one sign alone.
KINDS = (
    *("壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "自治州", "自治县", "自治旗"),
    *("新区", "林区", "矿区", "地区", "省", "市", "盟", "县", "区", "旗"),
)
ENGLISH = {"省": ("province",), "市": ("city", "municipality"), "区": ("district",), "县": ("county",)}
# Where pinyin is not what the world writes: Shaanxi has a second a, that it isn't Shanxi (GB/T 3259, note).
ROMAN = {
    "陕西": ("shaanxi",),
    "内蒙古": ("innermongolia", "neimongol", "neimenggu"),
    "西藏": ("tibet", "xizang"),
    "哈尔滨": ("harbin", "haerbin"),
    "呼和浩特": ("hohhot", "huhehaote"),
    "乌鲁木齐": ("urumqi", "wulumuqi"),
    "拉萨": ("lhasa", "lasa"),
    "喀什": ("kashgar", "kashi"),
}


def place_key(text: str) -> str:
    """The form in which places are compared; "" for nothing."""
    return IGNORED.sub("", unicodedata.normalize("NFKC", text)).lower()[:120]


def spellings(name: str) -> set[str]:
    """The keys of one name. A Chinese one is also found without its kind, in pinyin, and in the English that
    shops write for it."""
    key = place_key(name)
    if not CHINESE.search(key):
        return {key} - {""}
    bare = key
    kind = next((one for one in KINDS if key.endswith(one) and len(key) >= len(one) + 2), "")
    if kind:
        bare = key.removesuffix(kind)
    latin = ROMAN.get(bare) or (_pinyin(bare),)
    found = {key, bare, *latin}
    for word in (*ENGLISH.get(kind[-1:], ()), _pinyin(kind)):
        found |= {one + word for one in latin}
    return {place_key(one) for one in found}


def _pinyin(words: str) -> str:
    """Without tones or blanks; by phrases, for 重庆 is chongqing. The tables of readings take memory: they
    wait for the first name."""
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(words))


def keys_for(name: str, code: str, aliases: Iterable[str]) -> list[str]:
    """Every spelling of a region, sorted. Of a code such as CN-GD the last part alone is known too."""
    found: set[str] = set()
    for one in (name, *aliases):
        found |= spellings(one)
    if code:
        found |= {place_key(code), place_key(code.rpartition("-")[2])}
    return sorted(found - {""})
