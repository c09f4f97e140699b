"""Fills the gaps of the zh-Hant catalogue from the zh-Hans one: OpenCC's phrases for Taiwan, then the words
of our trade that it doesn't know. What a person has written into zh-Hant is kept."""

import opencc
import polib

from crm.local.place import ROOT

CATALOGUE = "locale/{}/LC_MESSAGES/django.po"
# OpenCC turns letters and common phrases; these are how shops in Taiwan and Hong Kong say it.
TRADE = {
    "收件箱": "收件匣",
    "釋出": "發佈",
    "許可權": "權限",
    "審計": "稽核",
    "郵箱": "電子郵件",
    "賬戶": "帳戶",
    "賬本": "帳本",
    "賬單": "帳單",
    "賬號": "帳號",
    "快捷回覆": "快速回覆",
    "短信": "簡訊",
    "退信": "退件",
    "人群": "客群",
    "密鑰": "金鑰",
    "店鋪": "商店",
    "面單": "託運單",
    "記賬": "記帳",
}


def fill() -> int:
    """The number of entries written. A wrong catalogue raises OSError from polib."""
    convert = opencc.OpenCC("s2twp").convert
    simplified = {(e.msgctxt, e.msgid): e for e in polib.pofile(str(ROOT / CATALOGUE.format("zh_Hans")))}
    traditional = polib.pofile(str(ROOT / CATALOGUE.format("zh_Hant")))
    written = 0
    for entry in traditional:
        source = simplified.get((entry.msgctxt, entry.msgid))
        if entry.translated() or source is None or not source.translated():
            continue
        if entry.msgid_plural:
            entry.msgstr_plural = {0: _traded(convert(source.msgstr_plural[0]))}
        else:
            entry.msgstr = _traded(convert(source.msgstr))
        entry.flags = [flag for flag in entry.flags if flag != "fuzzy"]
        written += 1
    traditional.save()
    return written


def _traded(text: str) -> str:
    for word, ours in TRADE.items():
        text = text.replace(word, ours)
    return text
