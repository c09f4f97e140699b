"""Settings → Consent: what people read, version by version, and whether they confirm by mail."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from crm.lib.errors import NotFound, Rejected
from crm.lib.ui.parts import Tab
from customers.forms import errors_to_form
from customers.models import ConsentRequest
from customers.models.wording import digest_of
from customers.visibility import narrowed
from customers.wordings import services
from customers.wordings.forms import ConsentSettingsForm, WordingForm
from customers.wordings.house import languages
from customers.wordings.selectors import Line, languages_written, lines_in


@require_safe
def consent_wordings(request: StaffRequest) -> HttpResponse:
    """Every text in one language with its versions, and the switch for the confirmation by mail."""
    language = _language(request)
    lines = lines_in(request.merchant, language)
    everything = [one for line in lines for one in (line.current, *line.later, *line.earlier)]
    settings = services.consent_settings()
    context = {
        "lines": [(line, line.language != language) for line in lines],
        "names": actor_names(merchant=request.merchant, actors={one.created_by for one in everything}),
        "language": language,
        "tabs": [_tab(request, code, language) for code in languages_written(request.merchant, language)],
        "others": languages(),
        "form": ConsentSettingsForm(initial={"double_opt_in": settings.double_opt_in}),
        "waiting": _waiting(request),
    }
    return render(request, "customers/wordings/consent_wordings.html", context)


def _tab(request: StaffRequest, code: str, current: str) -> Tab:
    return Tab(dict(languages())[code], f"{request.path}?language={code}", code == current)


def _language(request: StaffRequest) -> str:
    asked = request.GET.get("language", "")
    if asked in dict(languages()):
        return asked
    return request.merchant.locale if request.merchant.locale in dict(languages()) else "en"


def _waiting(request: StaffRequest) -> int:
    """Of those whom the member sees."""
    rows = ConsentRequest.objects.filter(confirmed_at=None, cancelled_at=None, expires_at__gt=timezone.now())
    return narrowed(rows, request.membership, "customer__").count()


@require_POST
def consent_settings_save(request: StaffRequest) -> HttpResponse:
    form = ConsentSettingsForm(request.POST)
    if form.is_valid():
        services.consent_settings_save(
            merchant=request.merchant, double_opt_in=form.cleaned_data["double_opt_in"]
        )
        messages.success(request, _("Saved."))
    return redirect("consent_wordings")


def wording_new(request: StaffRequest) -> HttpResponse:
    """A new version, seen as customers will before it is kept. The old one stays with who agreed to it."""
    line = _line(request)
    form = WordingForm(
        request.POST or None,
        initial={
            "purpose": line.purpose,
            "channel": line.channel,
            "language": _asked(request, "language"),
            "text": line.current.text,
        },
    )
    preview = None
    if request.method == "POST" and form.is_valid():
        if "preview" in request.POST:
            preview = form.cleaned_data["text"].strip()
        elif _written(request, form):
            return redirect(f"{reverse('consent_wordings')}?language={form.cleaned_data['language']}")
    context = {
        "form": form,
        "line": line,
        "language": dict(languages())[_asked(request, "language")],
        "preview": preview,
        "digest": digest_of(preview) if preview else "",
    }
    status = 422 if form.errors else 200
    return render(request, "customers/wordings/wording_new.html", context, status=status)


def _asked(request: StaffRequest, name: str) -> str:
    return str(request.POST.get(name) or request.GET.get(name, ""))


def _line(request: StaffRequest) -> Line:
    language = _asked(request, "language")
    if language not in dict(languages()):
        raise NotFound()
    for line in lines_in(request.merchant, language):
        if (line.purpose, line.channel) == (_asked(request, "purpose"), _asked(request, "channel")):
            return line
    raise NotFound()


def _written(request: StaffRequest, form: WordingForm) -> bool:
    try:
        wording = services.wording_write(merchant=request.merchant, **form.cleaned_data)
    except Rejected as refusal:
        errors_to_form(form, refusal.fields, refusal.message)
        return False
    messages.success(request, _("Version %(label)s is kept.") % {"label": wording.label})
    return True
