"""A form field prepared for the component: its kind, its widget with the right classes and ARIA."""

from dataclasses import dataclass

from django import forms
from django.forms import BoundField
from django.utils.safestring import SafeString

BOX, GROUP, SELECT, FILE, PLAIN = "box", "group", "select", "file", "plain"


@dataclass(frozen=True)
class FieldView:
    field: BoundField
    kind: str
    widget: SafeString
    help_id: str
    error_id: str
    optional: bool


def kind_of(widget: forms.Widget) -> str:
    """How the field is laid out."""
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return GROUP
    if isinstance(widget, forms.CheckboxInput):
        return BOX
    if isinstance(widget, forms.Select):
        return SELECT
    if isinstance(widget, forms.FileInput):
        return FILE
    return PLAIN


def field_view(field: BoundField) -> FieldView:
    """The field with aria-describedby, aria-invalid and the class of its kind."""
    kind = kind_of(field.field.widget)
    help_id = f"{field.auto_id}_helptext" if field.help_text else ""
    error_id = f"{field.auto_id}_error" if field.errors else ""
    extra: dict[str, str | bool] = {}
    described = " ".join(part for part in (help_id, error_id) if part)
    if described and kind != GROUP:
        extra["aria-describedby"] = described
    if field.errors:
        extra["aria-invalid"] = "true"
    base = {SELECT: "form-select", PLAIN: "form-control", FILE: ""}.get(kind, "")
    own = str(field.field.widget.attrs.get("class", ""))
    if base or own:
        extra["class"] = f"{base} {own}".strip()
    widget = field.as_widget(attrs=extra)
    return FieldView(
        field, kind, widget, help_id, error_id, not field.field.required and kind not in {BOX, GROUP}
    )
