"""Looking an address up, putting it on the list, lifting it, bringing a file."""

from __future__ import annotations

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.models.wording import Channel
from customers.suppressions.services import (
    FILE_BYTES,
    LONGEST_ADDRESS,
    LONGEST_NOTE,
    MOST_ADDRESSES,
    REASON_CHOICES,
)


class CheckForm(forms.Form):
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=Channel)
    address = forms.CharField(
        label=gettext_lazy("Address or number"),
        max_length=LONGEST_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=LONGEST_NOTE,
        help_text=gettext_lazy("Colleagues read it later. Leave the address itself out."),
    )


class AddForm(CheckForm, NoteForm):
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=REASON_CHOICES)


class BringForm(NoteForm):
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=Channel)
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=REASON_CHOICES)
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".txt,.csv,text/plain,text/csv", "data-max-mb": 4}),
    )

    field_order = ("file", "channel", "reason", "note")

    def clean_file(self) -> list[str]:
        """The file's lines. UTF-8, or GB 18030 where it is not."""
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        if (upload.size or 0) > FILE_BYTES:
            raise forms.ValidationError(_("The file is larger than 4 MB. Split it."))
        raw: bytes = upload.read()
        if b"\0" in raw[:4_096]:
            raise forms.ValidationError(_("This is not a text file: save it as text, one address a line."))
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("gb18030", "replace")
        lines: list[str] = text.splitlines()
        if len(lines) > MOST_ADDRESSES * 2:
            raise forms.ValidationError(
                _("At most %(n)s addresses at once. Split the file.") % {"n": MOST_ADDRESSES}
            )
        return lines
