"""Translations are compiled without the system's gettext, and a mistake in one is named."""

import gettext

import pytest

from crm.local import messages
from crm.local.place import Refused

CATALOGUE = """
msgid ""
msgstr ""
"Language: zh_Hans\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

msgid "Customers"
msgstr "客户"

msgid "%(n)s order"
msgid_plural "%(n)s orders"
msgstr[0] "%(n)s 个订单"

#, fuzzy
msgid "Orders"
msgstr "次序"
"""


@pytest.fixture
def po(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    path = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOGUE)
    return path


def test_a_catalogue_becomes_what_gettext_reads(po):
    assert messages.compile_all() == [po]

    with po.with_suffix(".mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)
    assert catalogue.gettext("Customers") == "客户"
    assert catalogue.ngettext("%(n)s order", "%(n)s orders", 3) == "%(n)s 个订单"
    assert catalogue.gettext("Orders") == "Orders", "a fuzzy guess is not shown"


def test_only_what_changed_is_compiled_again(po):
    messages.compile_all()

    assert messages.compile_all() == []


def test_a_broken_catalogue_is_named_and_costs_only_its_language(po, capsys):
    po.write_text(CATALOGUE + 'msgid "half\n')

    with pytest.raises(Refused, match=r"locale/zh_Hans/LC_MESSAGES/django\.po cannot be read"):
        messages.compile_all()
    messages.compile_what_can()

    assert "that language stays as it was" in capsys.readouterr().err
    assert not po.with_suffix(".mo").exists()
