"""Address books of any version become rows; a broken card is refused and the others are read."""

from __future__ import annotations

import quopri
from pathlib import Path
from typing import Any

import pytest

from crm.imports.readers import Limits, UnreadableFile, open_table
from crm.imports.readers.vcard import LINE_BYTES, VcardTable


def read(path: Path, content: bytes) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """(the cards' filled cells, (number, code) of the broken ones)."""
    path.write_bytes(content)
    table = open_table(path)
    assert table.format == "vcf"
    found, broken = [], []
    for batch in table.batches():
        rows = zip(*batch.cells, strict=True)
        found += [{name: cell for name, cell in zip(table.columns, row, strict=True) if cell} for row in rows]
        broken += [(one.row, one.code) for one in batch.broken]
    return found, broken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.vcf"


def lines(*texts: str) -> bytes:
    return "\r\n".join(texts).encode() + b"\r\n"


def test_version_4(path: Path) -> None:
    found, _broken = read(
        path,
        lines(
            "BEGIN:VCARD",
            "VERSION:4.0",
            "FN:Zoë Müller\\, Dr.",
            "N:Müller;Zoë;;Dr.;",
            'EMAIL;TYPE="work,old";PREF=2:old@example.de',
            "EMAIL;PREF=1:zoe@example.de",
            'TEL;VALUE=uri;TYPE="fax":tel:+49-30-111',
            'TEL;VALUE=uri;TYPE="cell,voice":tel:+49-170-1234567;ext=1',
            'ADR;LABEL="Home: at\\nBerlin; 1";TYPE=home:;2. OG;Hauptstraße 1;Berlin;BE;10115;Germany',
            "ORG:Acme GmbH;Sales",
            "BDAY:19900504",
            "LANG;PREF=1:zh-Hans-CN",
            "CATEGORIES:vip,tea\\, green",
            "NOTE:One\\nline with \\\\ and",
            "  more",
            "END:VCARD",
        ),
    )
    assert found == [
        {
            "name": "Zoë Müller, Dr.",
            "given_name": "Zoë",
            "family_name": "Müller",
            "email": "zoe@example.de",
            "email 2": "old@example.de",
            "phone": "+49-170-1234567",
            "phone 2": "+49-30-111",
            "company": "Acme GmbH",
            "birthday_on": "1990-05-04",
            "address": "Hauptstraße 1",
            "address2": "2. OG",
            "city": "Berlin",
            "region": "BE",
            "postal_code": "10115",
            "country": "Germany",
            "language": "zh-hans",
            "tags": "vip; tea, green",
            "note": "One\nline with \\ and more",
        }
    ]


def test_version_3_of_an_iphone(path: Path) -> None:
    found, _broken = read(
        path,
        lines(
            "BEGIN:VCARD",
            "VERSION:3.0",
            "N:李;梅;;;",
            "item1.EMAIL;type=INTERNET;type=pref:mei@example.cn",
            "item1.X-ABLabel:_$!<Other>!$_",
            "TEL;type=HOME;type=VOICE:0571 8888 8888",
            "TEL;type=CELL;type=VOICE:138 0013 8000",
            "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-04",
            "PHOTO;ENCODING=b;TYPE=JPEG:" + "A" * (3 * LINE_BYTES),
            " " + "B" * 5_000,
            "END:VCARD",
        ),
    )
    names = {"name": "李梅", "given_name": "梅", "family_name": "李", "email": "mei@example.cn"}
    assert found == [names | {"phone": "138 0013 8000", "phone 2": "0571 8888 8888"}]


@pytest.mark.parametrize("charset", ["UTF-8", "GBK", "GB2312", "GB18030"])
def test_version_2_1_of_a_chinese_phone(path: Path, charset: str) -> None:
    """Quoted-printable with soft line ends, and raw bytes in the charset that the property names."""
    name = quopri.encodestring(("欧阳明月" * 6).encode(charset)).replace(b"\n", b"\r\n")
    found, _broken = read(
        path,
        b"BEGIN:VCARD\r\nVERSION:2.1\r\n"
         b"FN;CHARSET=" + charset.encode() + b";ENCODING=QUOTED-PRINTABLE:" + name + b"\r\n"
        + b"ORG;CHARSET=" + charset.encode() + b":" + "青禾商贸".encode(charset) + b"\r\n"
        + b"TEL;CELL;PREF:13800138000\r\nEND:VCARD\r\n",
    )  # fmt: skip
    assert found == [{"name": "欧阳明月" * 6, "company": "青禾商贸", "phone": "13800138000"}]


def test_without_a_charset_and_in_utf_16(path: Path) -> None:
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:李梅\r\nEND:VCARD\r\n"
    for content in (card.encode("gb18030"), card.encode("utf-16"), b"\xef\xbb\xbf" + card.encode()):
        assert read(path, content)[0] == [{"name": "李梅"}]


def test_a_fold_may_cut_a_letter(path: Path) -> None:
    name = "李".encode()
    content = b"BEGIN:VCARD\nVERSION:3.0\nFN:" + name[:1] + b"\n " + name[1:] + b"\nEND:VCARD\n"
    assert read(path, content)[0] == [{"name": "李"}]


def test_broken_cards_are_refused_and_the_others_read(path: Path) -> None:
    good = ["BEGIN:VCARD", "VERSION:4.0", "FN:Good", "END:VCARD"]
    found, broken = read(
        path,
        lines(*good, "BEGIN:VCARD", "FN:No end", *good)
        + lines(
            "BEGIN:VCARD",
            "VERSION:4.0",
            "END:VCARD",
            "BEGIN:VCARD",
            "NOTE:" + "x" * 60_000,
            " " + "y" * 60_000,
        )
        + lines("END:VCARD", "BEGIN:VCARD")
        + b"FN;CHARSET=UTF-8:\xff\xff\r\n"
        + lines("END:VCARD", *good),
    )
    assert [one["name"] for one in found] == ["Good"] * 3
    assert broken == [(2, "cut_off"), (4, "empty_card"), (5, "cell_too_long"), (6, "encoding")]


def test_a_card_within_a_card_is_passed_over(path: Path) -> None:
    inner = ["AGENT:", "BEGIN:VCARD", "VERSION:2.1", "FN:Secretary", "TEL:1", "END:VCARD"]
    found, broken = read(path, lines("BEGIN:VCARD", "VERSION:2.1", "FN:Boss", *inner, "TEL:2", "END:VCARD"))
    assert (found, broken) == ([{"name": "Boss", "phone": "2"}], [])


def test_too_many_cards_and_none_at_all(path: Path) -> None:
    path.write_bytes(lines("BEGIN:VCARD", "FN:A", "END:VCARD") * 3)
    with pytest.raises(UnreadableFile):
        VcardTable(path, Limits(max_rows=2))
    path.write_bytes(b"BEGIN:VCARDS are nice\r\n")
    with pytest.raises(UnreadableFile):
        VcardTable(path, Limits())
