"""Imports for programs: send a file, see how it stands, run it, undo it."""

from __future__ import annotations

import json
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.registry import register
from crm.api.serializers import ApiModelSerializer
from crm.api.uploads import take_form
from crm.api.views import ReadViewSet
from crm.lib.errors import Rejected

from . import services
from .models import ImportBatch, RefusedRow
from .registry import importers

FORM = "multipart/form-data"
FIELDS = ("kind", "preset", "mode", "mapping", "options")
SHOWN_REFUSALS = 100


class ImportSerializer(ApiModelSerializer):
    """`progress` is 0–1000. `counts` is what the file holds, `report` the reconciliation once it is
    imported."""

    class Meta:
        model = ImportBatch
        fields = [
            *("id", "kind", "preset", "state", "file_name", "file_size", "sha256", "columns", "mapping"),
            *("options", "progress", "error", "counts", "report", "created_at", "finished_at", "undone_at"),
        ]


class RefusedRowSerializer(ApiModelSerializer):
    class Meta:
        model = RefusedRow
        fields = ["row", "column", "code", "message"]


class ImportDetailSerializer(ImportSerializer):
    """With the first hundred refused rows."""

    refused = serializers.SerializerMethodField()

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "refused"]

    @extend_schema_field(RefusedRowSerializer(many=True))
    def get_refused(self, batch: ImportBatch) -> Any:
        rows = RefusedRow.objects.filter(batch=batch).order_by("row")[:SHOWN_REFUSALS]
        return RefusedRowSerializer(rows, many=True).data


class ImportFilterSet(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=ImportBatch.State.choices)

    class Meta:
        model = ImportBatch
        fields: list[str] = []


UPLOAD_SHAPE = {
    FORM: {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "type": "string",
                "format": "binary",
                "description": "CSV, XLSX or Parquet, for customers also vCard, up to 100 MB",
            },
            "kind": {
                "type": "string",
                "enum": ["orders", "customers", "companies", "consents"],
                "default": "orders",
            },
            "preset": {
                "type": "string",
                "description": "orders: online-retail, shopify-export, woocommerce-export, generic; "
                "customers: shopify-customers, mailchimp",
            },
            "mode": {
                "type": "string",
                "enum": ["check", "import"],
                "default": "check",
                "description": "check tells what would happen; import does it",
            },
            "mapping": {"type": "string", "description": "JSON object: field to column; the rest is guessed"},
            "options": {
                "type": "string",
                "description": "JSON object: time_zone, currency, date_order, known, legal_basis …",
            },
        },
    }
}


class ImportViewSet(ReadViewSet):
    """Files brought in, newest first."""

    model = ImportBatch
    scopes = {"GET": "imports.read", "POST": "imports.write"}
    serializer_class = ImportSerializer
    filterset_class = ImportFilterSet
    ordering = ("-created_at", "-id")

    def get_serializer_class(self) -> Any:
        return ImportSerializer if self.action == "list" else ImportDetailSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A file is not read into memory as other bodies are: it goes to disk, and its digest stands for it
        where the Idempotency-Key compares bodies."""
        if self.action == "create" and request._request.method == "POST":
            take_form(request._request)
        super().initial(request, *args, **kwargs)

    @extend_schema(request=UPLOAD_SHAPE, responses={202: ImportDetailSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        form = _form_of(request._request)
        batch = services.batch_upload(
            merchant=self.merchant,
            kind=form["kind"],
            upload=form["file"],
            file_name=form["file"].name or "",
            user=None,
            preset=form["preset"],
        )
        try:
            mapped = services.batch_map(
                batch=batch,
                merchant=self.merchant,
                mapping=batch.mapping | form["mapping"],
                options=batch.options | form["options"],
            )
        except Rejected:
            services.batch_discard(batch=batch)
            raise
        start = services.batch_run if form["mode"] == "import" else services.batch_check
        started = start(batch=mapped)
        return Response(self.get_serializer(started).data, status=202)

    @extend_schema(request=None, responses={202: ImportDetailSerializer})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Imports a checked file."""
        return Response(self.get_serializer(services.batch_run(batch=self.get_object())).data, status=202)

    @extend_schema(request=None, responses={202: ImportDetailSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes an import back, as far as nobody has touched what it made."""
        return Response(self.get_serializer(services.batch_undo(batch=self.get_object())).data, status=202)

    def rows(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.all()


def _form_of(request: HttpRequest) -> dict[str, Any]:
    """The form's values, checked. Raises Rejected with the fields at fault."""
    wrong: dict[str, list[Any]] = {}
    for key in [*request.POST, *request.FILES]:
        if key not in FIELDS and key != "file":
            wrong[key] = [_("There is no such field.")]
    upload = request.FILES.get("file")
    if upload is None:
        wrong["file"] = [_("Send the file in this field.")]
    form: dict[str, Any] = {
        "file": upload,
        "kind": request.POST.get("kind") or "orders",
        "preset": request.POST.get("preset") or "",
        "mode": request.POST.get("mode") or "check",
    }
    importer = next((each for each in importers() if each.key == form["kind"]), None)
    if importer is None:
        wrong["kind"] = [
            _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(each.key for each in importers())}
        ]
    elif form["preset"] and form["preset"] not in {preset.key for preset in importer.presets}:
        wrong["preset"] = [
            _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(preset.key for preset in importer.presets)}
        ]
    if form["mode"] not in {"check", "import"}:
        wrong["mode"] = [_("Choose check or import.")]
    for key in ("mapping", "options"):
        form[key] = _words(request.POST.get(key) or "{}")
        if form[key] is None:
            wrong[key] = [_("Send a JSON object whose values are strings.")]
    if wrong:
        raise Rejected(_("The import can't be started as sent."), code="invalid", fields=wrong)
    return form


def _words(text: str) -> dict[str, str] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        return None
    return None if any("\0" in part for pair in data.items() for part in pair) else data


register("imports", ImportViewSet)
