"""What the frame's templates ask: navigation, permissions, shops, the words that scripts show."""

from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.handover.models import Handover
from crm.accounts.handover.selectors import open_handovers
from crm.accounts.navigation import LinkGroup, Navigation, Target, navigation_for, settings_for
from crm.accounts.notices import unread_count
from crm.lib.tenancy import merchant_scope

register = template.Library()


@register.simple_tag(takes_context=True)
def frame_navigation(context: template.Context) -> Navigation | None:
    """The member's navigation; None for a stranger."""
    membership = context.get("membership")
    return navigation_for(membership, context["request"].path) if membership else None


@register.simple_tag(takes_context=True)
def frame_still(context: template.Context, name: str) -> SafeString:
    """A part of the frame that differs between languages and permissions only, not from page to page.

    It is rendered once in a process. The template gets `targets` and nothing else.
    """
    nav = context.get("nav")
    render = _still.__wrapped__ if settings.DEBUG else _still
    return render(name, get_language() or "", nav.targets if nav else ())


@lru_cache(maxsize=512)
def _still(name: str, language: str, targets: tuple[Target, ...]) -> SafeString:
    return render_to_string(name, {"targets": targets})


@register.simple_tag(takes_context=True)
def frame_settings(context: template.Context) -> list[LinkGroup]:
    """The sections of Settings that the member may open."""
    membership = context.get("membership")
    return settings_for(membership, context["request"].path) if membership else []


@register.simple_tag(takes_context=True)
def frame_unread(context: template.Context) -> int:
    """How many notices the member hasn't read; one query."""
    membership = context.get("membership")
    if not membership:
        return 0
    with merchant_scope(membership.merchant):  # the profile and error pages are outside any
        return unread_count(membership)


@register.simple_tag(takes_context=True)
def may(context: template.Context, permission: str) -> bool:
    """`{% may "customers.edit" as may_edit %}`: whether the member has the permission."""
    membership = context.get("membership")
    return bool(membership and membership.can(permission))


@register.simple_tag
def frame_words() -> dict[str, Any]:
    """The words that static/js shows, in the language of the page."""
    return {
        "confirm_title": _("Are you sure?"),
        "go": _("Continue"),
        "failed": _("That didn't work. Check the connection and try again."),
        "not_sent": _("The server can't be reached. Check the connection and try again."),
        "copied": _("Copied"),
        "selected_many": _("selected"),
        "nothing_found": _("Nothing found for “%s”"),
        "chosen": _("%s chosen"),
        "too_big": _("This file is larger than %s MB."),
    }


@register.simple_tag(takes_context=True)
def frame_handovers(context: template.Context) -> list[Handover]:
    """What leavers held and nobody took over yet, for who may hand it over; one query for them."""
    membership = context.get("membership")
    if not membership or not membership.can("team.handover") or not membership.sees_everything:
        return []
    with merchant_scope(membership.merchant):
        return list(open_handovers().select_related("member__user")[:3])
