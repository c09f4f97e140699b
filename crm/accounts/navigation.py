"""What stands in the sidebar, the phone bar and the palette. Upper floors add counts from `badges.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from crm.accounts.nav_counts import counts_of
from crm.accounts.routes import WHOLE_SHOP
from crm.lib.tenancy import merchant_scope

Text = str | Promise


@dataclass(frozen=True)
class Item:
    """`url` is a URL name; an item whose name nobody defines is left out. `key` is pressed after g."""

    url: str
    icon: str
    label: Text
    needs: str
    key: str = ""
    badge: str = ""
    phone: bool = False


@dataclass(frozen=True)
class Group:
    label: Text
    items: tuple[Item, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        "",
        (
            Item("home", "home", _("Home"), "home.view", "h", phone=True),
            Item("inbox", "inbox", _("Inbox"), "tickets.view", "i", badge="inbox", phone=True),
            Item("task_list", "checkbox", _("Tasks"), "tasks.view", "t", badge="tasks"),
        ),
    ),
    Group(
        _("Customers and orders"),
        (
            Item(
                "customer_list", "users", _("Customers"), "customers.view", "c", badge="conflicts", phone=True
            ),
            Item("company_list", "building", _("Companies"), "companies.view", "b"),
            Item("order_list", "shopping-bag", _("Orders"), "orders.view", "o", badge="orders", phone=True),
            Item("review_list", "star", _("Reviews"), "reviews.view", "r", badge="reviews"),
        ),
    ),
    Group(
        _("Growth"),
        (
            Item("campaign_list", "send", _("Campaigns"), "campaigns.view", "m", badge="campaigns"),
            Item("journey_list", "route", _("Journeys"), "journeys.view", "j"),
            Item("segment_list", "chart-pie-2", _("Segments"), "segments.view", "s"),
            Item("loyalty", "award", _("Loyalty"), "loyalty.view", "l"),
            Item("insight", "chart-dots", _("Insight"), "insight.view", "n"),
        ),
    ),
)
FOOT: tuple[Item, ...] = (
    Item("batch_list", "file-import", _("Imports"), "imports.view"),
    Item("settings", "settings", _("Settings"), "team.view", ","),
)

# The sections of Settings, with those that upper floors add; one appears when its URL name exists.
SETTINGS: tuple[Group, ...] = (
    Group(
        _("Shop"),
        (
            Item("settings_shop", "building-store", _("Shop"), "settings.view"),
            Item("rate_list", "arrows-exchange", _("Exchange rates"), "settings.view"),
            Item("field_list", "forms", _("Customer fields"), "settings.view"),
            Item("word_list", "tags", _("Tags and grades"), "settings.view"),
            Item("region_list", "map-2", _("Regions"), "settings.view"),
            Item("consent_wordings", "mail-check", _("Consent"), "settings.view"),
            Item("suppression_list", "mail-off", _("Suppression list"), "suppressions.view"),
            Item("visit_settings", "world", _("Visits"), "settings.view"),
            Item("portal_settings", "door-enter", _("Portal"), "settings.view"),
            Item("sender_domain_list", "world-check", _("Sender domains"), "campaigns.view"),
            Item("bounce_settings", "mail-x", _("Bounces"), "settings.view"),
            Item("mailbox_list", "mail", _("Mailbox"), "settings.view"),
            Item("sla_list", "clock-check", _("Answer times"), "settings.view"),
            Item("macro_list", "template", _("Macros"), "settings.view"),
        ),
    ),
    Group(
        _("People"),
        (
            Item("member_list", "users", pgettext_lazy("who works here", "Team"), "team.view"),
            Item("team_list", "users-group", _("Teams"), "team.view"),
            Item("assignment", "arrows-split-2", _("Assignment"), "team.assign"),
            Item("handover_list", "arrows-transfer-up", _("Handovers"), "team.handover"),
            Item("permission_table", "shield-check", _("Who may do what"), "team.view"),
        ),
    ),
    Group(
        _("Programs"),
        (
            Item("connection_list", "plug-connected", _("Connections"), "integrations.view"),
            Item("apikey_list", "key", _("API keys"), "integrations.view"),
            Item("webhook_list", "webhook", _("Webhooks"), "integrations.view"),
            Item("hook_list", "arrow-bar-to-down", _("Received hooks"), "integrations.view"),
            Item("outbox", "mail-forward", _("Mail sent"), "integrations.view"),
        ),
    ),
    Group(
        _("Records"),
        (
            Item("export_list", "file-download", _("Exports"), "customers.export"),
            Item("audit_log", "list-search", _("Audit log"), "audit.view"),
            Item("erasure_list", "eraser", _("Erasures"), "customers.erase"),
            Item("retention_list", "hourglass", _("Retention"), "settings.view"),
            Item("delivery_list", "bolt", _("Event deliveries"), "integrations.view"),
        ),
    ),
)

# --- counts -------------------------------------------------------------------------------------------
Counter = Callable[[Membership], int]
_COUNTERS: dict[str, Counter] = {}


def badge(key: str) -> Callable[[Counter], Counter]:
    """Registers the count beside the item whose `badge` is `key`. One cheap indexed query, in the scope."""

    def register(counter: Counter) -> Counter:
        if key in _COUNTERS:
            raise ValueError(f"badge {key} is registered twice")
        _COUNTERS[key] = counter
        return counter

    return register


@dataclass(frozen=True)
class Link:
    """An item as this member sees it on this page."""

    item: Item
    href: str
    current: bool
    count: int


@dataclass(frozen=True)
class Target:
    """Where the palette and the keyboard lead: an item without what changes from page to page."""

    item: Item
    href: str


@dataclass(frozen=True)
class LinkGroup:
    label: Text
    links: list[Link]


@dataclass(frozen=True)
class Navigation:
    groups: list[LinkGroup]
    foot: list[Link]
    more_current: bool

    @property
    def links(self) -> list[Link]:
        return [link for group in self.groups for link in group.links] + self.foot

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(link.item, link.href) for link in self.links)

    @property
    def phone(self) -> list[Link]:
        return [link for link in self.links if link.item.phone]


def navigation_for(membership: Membership, path: str) -> Navigation:
    """The items this member may open, the one that `path` is in marked. One query for each badge, once in
    some seconds."""
    with merchant_scope(membership.merchant):  # the profile and error pages are outside any
        counts = counts_of(membership, lambda: _counts(membership))
        groups = [LinkGroup(group.label, _links(group.items, membership, path, counts)) for group in GROUPS]
        foot = _links(FOOT, membership, path, counts)
    shown = [group for group in groups if group.links]
    everything = [link for group in shown for link in group.links] + foot
    more = any(link.current and not link.item.phone for link in everything)
    return Navigation(groups=shown, foot=foot, more_current=more)


def settings_for(membership: Membership, path: str) -> list[LinkGroup]:
    """The sections of Settings that this member may open."""
    groups = [LinkGroup(group.label, _links(group.items, membership, path, {})) for group in SETTINGS]
    return [group for group in groups if group.links]


def _links(
    items: tuple[Item, ...], membership: Membership, path: str, counts: Mapping[str, int]
) -> list[Link]:
    links = []
    for item in items:
        href = _address(item.url)
        if href and _is_open(item, membership):
            inside = path == href if href == "/" else path.startswith(href)
            links.append(Link(item, href, inside, counts.get(item.badge, 0)))
    return links


def _is_open(item: Item, membership: Membership) -> bool:
    return membership.can(item.needs) and (item.url not in WHOLE_SHOP or membership.sees_everything)


def _counts(membership: Membership) -> dict[str, int]:
    """Of the items that the member may open, by badge."""
    items = [item for group in (*GROUPS, Group("", FOOT)) for item in group.items]
    shown = {item.badge for item in items if item.badge in _COUNTERS and _is_open(item, membership)}
    return {key: _COUNTERS[key](membership) for key in shown}


def _address(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""
