"""Words that filters of junk mail weigh against a sender, in the languages that shops write in.

Filters learn and weigh much more than words, so one of them is nothing; a mail full of them is a warning.
"""

from __future__ import annotations

import re

WORDS: tuple[str, ...] = (
    *("100% free", "100% satisfied", "act now", "additional income", "as seen on", "be your own boss"),
    *("best price", "billion", "cash bonus", "cheap meds", "click below", "click here", "congratulations"),
    *("credit card offers", "dear friend", "double your", "earn money", "eliminate debt", "extra income"),
    *("fast cash", "financial freedom", "free gift", "free money", "get paid", "get rich", "guaranteed"),
    *("increase sales", "instant access", "limited time only", "lose weight", "lowest price", "make money"),
    *("million dollars", "miracle", "money back", "no catch", "no cost", "no fees", "no obligation"),
    *("no strings attached", "once in a lifetime", "order now", "pre-approved", "risk free", "risk-free"),
    *("satisfaction guaranteed", "special promotion", "this isn't spam", "this is not spam", "urgent"),
    *("viagra", "weight loss", "while supplies last", "winner", "work from home", "you have been selected"),
    *("免费领取", "免费赠送", "点击领取", "立即抢购", "限时抢购", "最后机会", "恭喜您", "中奖", "大奖"),
    *("赚钱", "轻松赚", "兼职", "日赚", "贷款", "无抵押", "低息", "代开发票", "发票", "保证收益", "稳赚"),
    *("减肥", "壮阳", "包治", "全网最低", "史上最低", "加微信", "加QQ", "刷单", "返利"),
    *("免費領取", "免費贈送", "點擊領取", "立即搶購", "限時搶購", "最後機會", "中獎", "大獎"),
    *("賺錢", "輕鬆賺", "兼職", "日賺", "貸款", "無抵押", "代開發票", "發票", "保證收益", "穩賺"),
    *("減肥", "壯陽", "包治百病", "全網最低", "加LINE"),
)
_FOUND = re.compile("|".join(map(re.escape, sorted(WORDS, key=len, reverse=True))), re.IGNORECASE)
# A subject that shouts: that share of its letters in capitals, of at least so many.
SHOUTING, LETTERS = 0.6, 10


def spam_words(*texts: str) -> list[str]:
    """Each known word once, in the order in which they come."""
    found = (match[0].lower() for text in texts for match in _FOUND.finditer(text))
    return list(dict.fromkeys(found))


def shouts(subject: str) -> bool:
    """Mostly capitals, or exclamation marks in a row."""
    letters = [letter for letter in subject if letter.isascii() and letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    loud = len(letters) >= LETTERS and capitals / len(letters) > SHOUTING
    return loud or bool(re.search(r"[!！]{2,}", subject))
