"""How a person is drawn when there is no picture: initials and a steady colour."""

import re
import zlib

HUES = 8  # .gx-hue-0 … .gx-hue-7 in components.css
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def initials(name: str) -> str:
    """At most two letters: 李晓梅 → 晓梅 (the given name), Anna de Vries → AV, wang@x.cn → W, nobody → ""."""
    name = name.strip()
    han = _CJK.findall(name)
    if han:
        return "".join(han[-2:])
    if "@" in name:
        name = name.partition("@")[0]
    words = [word for word in re.split(r"[\s._\-–,;·/()\"']+", name) if word and word[0].isalnum()]
    if not words:
        return ""
    letters = words[0][0] if len(words) == 1 else words[0][0] + words[-1][0]
    return letters.upper()


def hue(name: str) -> int:
    """The same colour for the same name on every page and machine, 0 to 7."""
    return zlib.crc32(name.strip().casefold().encode()) % HUES
