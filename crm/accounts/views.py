"""What belongs to the frame: shop, language, profile, search."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts import selectors
from crm.accounts.changes import profile_change, user_language_set
from crm.accounts.context import THEME_COOKIE
from crm.accounts.forms import ProfileForm
from crm.accounts.middleware import SESSION_KEY
from crm.accounts.models import User
from crm.accounts.routes import StaffRequest
from crm.accounts.search import search as search_all
from crm.lib.errors import NotFound

LANGUAGES = frozenset(code for code, _name in settings.LANGUAGES)
YEAR_SECONDS = 365 * 24 * 3600


def knows_member(view: Any) -> Any:
    """The page shows the shop's frame to members but asks for no permission."""
    view.knows_member = True
    return view


def safe_next(request: HttpRequest, fallback: str) -> str:
    """Where the form says to go on, when it is an address of ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return target
    return fallback


def no_shop(request: HttpRequest) -> HttpResponse:
    """Signed in, but nobody's member (any more)."""
    return render(request, "accounts/no_shop.html")


@knows_member
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def shop_switch(request: HttpRequest) -> HttpResponse:
    """The user's shops, for the menu; with a POST the session's shop becomes another one of them."""
    assert isinstance(request.user, User)
    if request.method != "POST":
        shops = selectors.memberships_of(request.user).order_by("merchant__name")
        return render(request, "components/_shops.html", {"shops": shops})
    membership = selectors.membership_by_slug(user=request.user, slug=request.POST.get("shop", ""))
    if membership is None:
        raise NotFound()
    request.session[SESSION_KEY] = membership.merchant_id
    return redirect(resolve_url(settings.LOGIN_REDIRECT_URL))


@require_POST
def language_set(request: HttpRequest) -> HttpResponse:
    """The language of this browser, and of the account when somebody is signed in."""
    language = request.POST.get("language", "")
    if language not in LANGUAGES:
        raise NotFound()
    if isinstance(request.user, User):
        user_language_set(user=request.user, language=language)
    response = redirect(safe_next(request, "/"))
    remember_language(response, language)
    return response


def remember_language(response: HttpResponse, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        YEAR_SECONDS,
        samesite="Lax",
        secure=settings.SECURE,
        httponly=True,
    )


@knows_member
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The signed-in person's own name, language and appearance, and the way to password and codes."""
    assert isinstance(request.user, User)
    start = {"theme": request.COOKIES.get(THEME_COOKIE, "auto"), "language": translation.get_language()}
    form = ProfileForm(request.POST or None, instance=request.user, initial=start)
    if request.method == "POST" and form.is_valid():
        profile_change(
            user=request.user,
            name=form.cleaned_data["name"],
            language=form.cleaned_data["language"],
            time_zone=form.cleaned_data["time_zone"],
        )
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Your profile is saved."))
        response = redirect("profile")
        remember_language(response, form.cleaned_data["language"])
        response.set_cookie(
            THEME_COOKIE, form.cleaned_data["theme"], YEAR_SECONDS, samesite="Lax", secure=settings.SECURE
        )
        return response
    context = {"form": form, "has_codes": is_mfa_enabled(request.user)}
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


def search(request: StaffRequest) -> HttpResponse:
    """The palette's hits, each kind under its heading."""
    query = request.GET.get("q", "")[:100]
    groups = search_all(membership=request.membership, query=query)
    return render(request, "accounts/_search.html", {"groups": groups})
