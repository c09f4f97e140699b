"""Bodies that are files: on disk, not in memory."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType

FORM = "multipart/form-data"


def take_form(request: HttpRequest) -> None:
    """Reads a multipart body before anybody asks for its bytes: files go to disk, and a digest stands for the
    whole where the Idempotency-Key compares bodies. Raises UnsupportedMediaType and ParseError."""
    if request.content_type != FORM:
        raise UnsupportedMediaType(
            request.content_type or "", detail=_("Send the file as multipart/form-data.")
        )
    try:
        upload, fields = request.FILES.get("file"), request.POST
    except MultiPartParserError as error:
        raise ParseError(_("The form can't be read.")) from error
    digest = hashlib.sha256()
    for key in sorted(fields):
        digest.update(json.dumps([key, fields.getlist(key)]).encode())
    if upload is not None:
        for chunk in upload.chunks():
            digest.update(chunk)
        upload.seek(0)
    request._body = digest.digest()
