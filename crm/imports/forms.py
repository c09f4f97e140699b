"""The forms of an import: the file, then its columns."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected
from crm.lib.money import CURRENCIES

from .models import ImportBatch
from .readers import UPLOAD_LIMITS
from .registry import importer_for, importers

EXAMPLE_CHARS = 28
# A field and an option may have one name: a column "currency", and the currency where there is none.
OPTION = "option_"
COMMON = ("duplicates", "date_order", "decimal_sign", "time_zone", "currency")


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("What does the file hold?"), required=False)
    file = forms.FileField(label=gettext_lazy("File"), max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(importer.key, importer.label) for importer in importers()]
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [("", _("Find out by its columns")), *kinds]
        megabytes = (UPLOAD_LIMITS.max_bytes or 0) >> 20
        widget = self.fields["file"].widget
        widget.attrs |= {"data-max-mb": str(megabytes), "accept": ".csv,.tsv,.txt,.xlsx,.parquet,.vcf"}


class ColumnsForm(forms.Form):
    """One select per field of the importer, each column with an example from the file, and the options."""

    def __init__(self, *args: Any, batch: ImportBatch, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch = batch
        importer = importer_for(batch.kind)
        columns = [("", _("– not in the file –")), *_columns(batch)]
        for field in importer.fields:
            self.fields[field.key] = forms.ChoiceField(
                label=str(field.label),
                choices=columns,
                required=False,
                help_text=str(field.help),
                initial=batch.mapping.get(field.key, ""),
            )
        for option in importer.options:
            offered = option.choices(merchant)
            self.fields[OPTION + option.key] = forms.ChoiceField(
                label=str(option.label),
                choices=offered,
                # Whether nothing may stay chosen is the importer's to say: it depends on the columns.
                required="" not in dict(offered),
                help_text=str(option.help),
                initial=batch.options.get(option.key, option.default),
            )
        self._common_options()
        for each in self.fields.values():
            each.widget.attrs["class"] = "form-select"
        self.essential_keys = [field.key for field in importer.fields if field.required]
        self.other_keys = [field.key for field in importer.fields if not field.required]
        self.option_keys = [*(option.key for option in importer.options), *COMMON]

    def _common_options(self) -> None:
        options = self.batch.options
        choices: dict[str, tuple[Any, list[tuple[str, Any]]]] = {
            "duplicates": (
                _("Exactly repeated rows"),
                [("once", _("Count them once")), ("keep", _("Keep every row"))],
            ),
            "date_order": (
                _("Dates such as 03/04/2024"),
                [("", _("– choose –")), ("dmy", _("3 April: day first")), ("mdy", _("March 4: month first"))],
            ),
            "decimal_sign": (
                _("Numbers are written"),
                [("", _("– choose –")), (".", _("1,234.50: point")), (",", _("1.234,50: comma"))],
            ),
            "time_zone": (
                _("Times are by the clock of"),
                [(zone, zone) for zone in sorted(available_timezones())],
            ),
            "currency": (
                _("Currency, where the file names none"),
                [(code, code) for code in sorted(CURRENCIES)],
            ),
        }
        for key, (label, values) in choices.items():
            value = options.get(key, "")
            if value and value not in dict(values):
                values.append((value, value))
            self.fields[OPTION + key] = forms.ChoiceField(
                label=label, choices=values, required=False, initial=value
            )

    @property
    def essential(self) -> list[forms.BoundField]:
        return [self[key] for key in self.essential_keys]

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[key] for key in self.other_keys]

    @property
    def options(self) -> list[forms.BoundField]:
        return [self[OPTION + key] for key in self.option_keys]

    def mapping(self) -> dict[str, str]:
        keys = [*self.essential_keys, *self.other_keys]
        return {key: self.cleaned_data[key] for key in keys if self.cleaned_data.get(key)}

    def chosen_options(self) -> dict[str, str]:
        chosen = {key: self.cleaned_data.get(OPTION + key) for key in self.option_keys}
        return {key: value for key, value in chosen.items() if value}

    def add_refusal(self, refusal: Rejected) -> None:
        """Puts the service's reasons at their fields."""
        for key, texts in refusal.fields.items():
            name = key.replace("options.", OPTION)
            for text in texts:
                self.add_error(name if name in self.fields else None, str(text))
        if not refusal.fields:
            self.add_error(None, str(refusal.message))


def _columns(batch: ImportBatch) -> list[tuple[str, str]]:
    """Each column with the first value that it holds, to tell it by."""
    sample = batch.profile.get("sample", [])
    choices = []
    for position, column in enumerate(batch.columns):
        example = next((row[position] for row in sample if row[position].strip()), "")
        if len(example) > EXAMPLE_CHARS:
            example = example[:EXAMPLE_CHARS] + "…"
        choices.append((column, f"{column}  ·  {example}" if example else column))
    return choices
