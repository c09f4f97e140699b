"""The choices made for a file: which column is which field, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected

from .converting import Reading
from .fields import Kind
from .models import ImportBatch
from .registry import Importer, importer_for

DATE_ORDERS = ("dmy", "mdy")
DECIMAL_SIGNS = (".", ",")
COMMON_OPTIONS = ("time_zone", "date_order", "decimal_sign", "currency", "duplicates")


def reading_of(batch: ImportBatch) -> Reading:
    options = batch.options
    return Reading(
        zone=ZoneInfo(options["time_zone"]),
        date_order=options.get("date_order") or "dmy",
        decimal_sign=options.get("decimal_sign") or ".",
    )


def default_options(merchant: Merchant, batch: ImportBatch, importer: Importer) -> dict[str, str]:
    """Where to start: the preset's words, then what the scan found, then the shop's own.

    `date_order` is "" when the scan couldn't tell: the page then asks.
    """
    preset = next((preset for preset in importer.presets if preset.key == batch.preset), None)
    options = {
        "time_zone": merchant.time_zone,
        "currency": merchant.base_currency,
        "date_order": guessed_date_order(batch, importer),
        "decimal_sign": guessed_decimal_sign(batch, importer),
        "duplicates": "once",
    }
    options.update({option.key: option.default for option in importer.options})
    if preset:
        options.update(preset.options)
    return options


def guessed_date_order(batch: ImportBatch, importer: Importer) -> str:
    """dmy or mdy; "" when only a person can tell."""
    found: set[str] = {
        batch.profile.get("date_orders", {}).get(column, "")
        for column in _columns(batch, importer, Kind.INSTANT) + _columns(batch, importer, Kind.DATE)
    }
    clear = found & {"dmy", "mdy"}
    if len(clear) == 1:
        return clear.pop()
    return "" if found & {"ambiguous", "mixed"} or clear else "dmy"


def guessed_decimal_sign(batch: ImportBatch, importer: Importer) -> str:
    """Comma or point; "" when the file holds only numbers such as 1,234, which read both ways."""
    money = _columns(batch, importer, Kind.MONEY) + _columns(batch, importer, Kind.INTEGER)
    found: set[str] = {batch.profile.get("decimal_signs", {}).get(column, "") for column in money}
    clear = found & {",", "."}
    if len(clear) == 1:
        return clear.pop()
    return "" if "ambiguous" in found else "."


def _columns(batch: ImportBatch, importer: Importer, kind: Kind) -> list[str]:
    return [
        batch.mapping[field.key]
        for field in importer.fields
        if field.kind == kind and field.key in batch.mapping
    ]


def check_mapping(
    batch: ImportBatch, merchant: Merchant, mapping: Mapping[str, str], options: Mapping[str, str]
) -> None:
    """Puts the choices on the batch (unsaved). Raises Rejected with a reason per field;
    "options.currency" is the option, "currency" the column."""
    importer = importer_for(batch.kind)
    wrong: dict[str, list[str]] = {}
    chosen = {key: column for key, column in mapping.items() if column}
    known = {field.key: field for field in importer.fields}
    for key, column in chosen.items():
        if key not in known:
            wrong[key] = [_("There is no such field.")]
        elif column not in batch.columns:
            wrong[key] = [_("The file has no column “%(column)s”.") % {"column": column}]
    for field in importer.fields:
        if field.required and field.key not in chosen:
            wrong[field.key] = [_("Choose the column that holds it.")]
    batch.mapping = chosen
    defaults = default_options(merchant, batch, importer)
    allowed = {*defaults, *COMMON_OPTIONS}
    batch.options = defaults | {key: value for key, value in options.items() if key in allowed and value}
    _check_options(batch, importer, merchant, wrong)
    if not wrong:
        wrong = {key: [text] for key, text in importer.problems(batch).items()}
    if wrong:
        raise Rejected(
            _("The columns don't fit yet."), fields={key: list(texts) for key, texts in wrong.items()}
        )


def _check_options(
    batch: ImportBatch, importer: Importer, merchant: Merchant, wrong: dict[str, list[str]]
) -> None:
    options = batch.options
    if options["time_zone"] not in available_timezones():
        wrong["options.time_zone"] = [_("Use a time zone such as Asia/Shanghai or Europe/London.")]
    if options["date_order"] not in DATE_ORDERS:
        wrong["options.date_order"] = [
            _("Dates such as 03/04/2024 can be read in two ways. Say whether the day or the month is first.")
        ]
    if options["decimal_sign"] not in DECIMAL_SIGNS:
        wrong["options.decimal_sign"] = [
            _("Is 1,234 one thousand or one and a bit? Choose the decimal sign.")
        ]
    if not (
        len(options["currency"]) == 3 and options["currency"].isascii() and options["currency"].isupper()
    ):
        wrong["options.currency"] = [_("Use a three-letter currency code such as CNY or EUR.")]
    for option in importer.options:
        if options.get(option.key) not in {key for key, _label in option.choices(merchant)}:
            wrong[f"options.{option.key}"] = [_("Choose one of the list.")]
