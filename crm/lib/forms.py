"""Forms and the refusals of services."""

from __future__ import annotations

from django import forms

from crm.lib.errors import CrmError


def blame(form: forms.BaseForm, error: CrmError) -> None:
    """Puts a service's refusal beside the fields that it names, or above the form."""
    for name, texts in error.fields.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, str(text))
    if not error.fields:
        form.add_error(None, str(error.message))
