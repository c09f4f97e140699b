"""Who may do what: one table that a shop manager can proof-read.

A permission is "<area>.<verb>". Roles are fixed; what a member sees of customers, orders and tickets is
narrowed further by the membership's visibility (own, team, all).
"""

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    MARKETER = "marketer", _("Marketer")
    AGENT = "agent", _("Agent")
    ANALYST = "analyst", _("Analyst")
    VIEWER = "viewer", _("Viewer")


def role_text(code: str) -> str | Promise:
    """The role's name for the reader; what is none, as it is: older entries of the log hold a name."""
    return Role(code).label if code in Role.values else code


O, M, K, A, N, V = Role.OWNER, Role.MANAGER, Role.MARKETER, Role.AGENT, Role.ANALYST, Role.VIEWER  # noqa: E741

# permission: (what it allows, roles that have it)
TABLE: dict[str, tuple[object, tuple[Role, ...]]] = {
    "home.view": (_("See today's figures"), (O, M, K, A, N, V)),
    "customers.view": (_("See customers, personal data masked"), (O, M, K, A, N, V)),
    "customers.pii": (_("See e-mail addresses and phone numbers in full"), (O, M, K, A)),
    "customers.edit": (_("Create and change customers, notes and consent"), (O, M, A)),
    "customers.merge": (_("Merge customers, undo merges and settle conflicts"), (O, M)),
    "customers.export": (_("Export lists into files"), (O, M)),
    "exports.approve": (_("Agree to the large exports of others"), (O, M)),
    "customers.bulk": (_("Change everyone that a list finds at once"), (O, M)),
    "customers.erase": (_("Erase a customer"), (O, M)),
    "suppressions.view": (_("Look up who must not be written to"), (O, M, K, A)),
    "suppressions.edit": (_("Put addresses on the suppression list, take them off"), (O, M)),
    "companies.view": (_("See companies and who speaks for them"), (O, M, K, A, N, V)),
    "companies.edit": (_("Create, change, merge and archive companies"), (O, M, A)),
    "tasks.view": (_("See tasks"), (O, M, K, A, N, V)),
    "tasks.edit": (_("Make, change and do tasks"), (O, M, K, A)),
    "orders.view": (_("See orders, shipments and returns"), (O, M, K, A, N, V)),
    "orders.edit": (_("Change orders, record refunds and shipments, decide returns"), (O, M, A)),
    "imports.view": (_("See imports and reconciliations"), (O, M, N)),
    "imports.run": (_("Import files"), (O, M)),
    "imports.undo": (_("Undo an import"), (O, M)),
    "reviews.view": (_("See reviews and the integrity report"), (O, M, K, A, N, V)),
    "reviews.moderate": (_("Publish and withhold reviews, reply"), (O, M, A)),
    "tickets.view": (_("See tickets"), (O, M, A, N, V)),
    "tickets.answer": (_("Answer, assign and close tickets"), (O, M, A)),
    "segments.view": (_("See segments and their counts"), (O, M, K, N, V)),
    "segments.edit": (_("Make and change segments"), (O, M, K)),
    "campaigns.view": (_("See campaigns and their results"), (O, M, K, N, V)),
    "campaigns.edit": (_("Write templates and campaigns"), (O, M, K)),
    "campaigns.send": (_("Send, pause and cancel campaigns"), (O, M, K)),
    "journeys.view": (_("See journeys"), (O, M, K, N, V)),
    "journeys.edit": (_("Make, start and stop journeys"), (O, M, K)),
    "loyalty.view": (_("See points, tiers and scores"), (O, M, K, A, N, V)),
    "loyalty.edit": (_("Change the loyalty programme, correct points"), (O, M)),
    "insight.view": (_("See reports"), (O, M, K, N)),
    "views.share": (_("Share saved views of lists, change shared ones"), (O, M, K, A)),
    "settings.view": (_("See the shop's settings"), (O, M)),
    "settings.edit": (_("Change the shop's settings and rates"), (O, M)),
    "team.view": (_("See who works here"), (O, M, K, A, N, V)),
    "team.edit": (_("Invite, change and deactivate members"), (O, M)),
    "team.handover": (_("Hand over what a leaver held, and take that back"), (O, M)),
    "team.assign": (_("Set who gets new tickets and customers"), (O, M)),
    "integrations.view": (_("See connections, webhooks and event deliveries"), (O, M)),
    "integrations.edit": (_("Connect shops, make webhooks and API keys"), (O, M)),
    "audit.view": (_("See who did what"), (O, M)),
}

PERMISSIONS = frozenset(TABLE)
_BY_ROLE: dict[str, frozenset[str]] = {
    role.value: frozenset(name for name, (_label, roles) in TABLE.items() if role in roles) for role in Role
}

# What an API key may be given; "<area>.read" covers reading, "<area>.write" writing.
SCOPES: dict[str, object] = {
    "customers.read": _("Read customers"),
    "customers.write": _("Create and change customers and consent"),
    "suppressions.read": _("Look up who must not be written to"),
    "suppressions.write": _("Put addresses on the suppression list, take them off"),
    "companies.read": _("Read companies and their contacts"),
    "companies.write": _("Create and change companies and their contacts"),
    "tasks.read": _("Read tasks"),
    "tasks.write": _("Create, change and complete tasks"),
    "customers.erase": _("Erase customers"),
    "orders.read": _("Read products, orders and returns"),
    "orders.write": _("Create and change products, orders and shipments"),
    "imports.read": _("Read imports"),
    "imports.write": _("Import files"),
    "reviews.read": _("Read reviews"),
    "reviews.write": _("Create reviews and replies"),
    "tickets.read": _("Read tickets"),
    "tickets.write": _("Create and answer tickets"),
    "segments.read": _("Read segments and their members"),
    "segments.write": _("Create and change segments"),
    "campaigns.read": _("Read campaigns and their results"),
    "campaigns.write": _("Create and send campaigns"),
    "loyalty.read": _("Read points and tiers"),
    "loyalty.write": _("Correct points"),
    "insight.read": _("Read figures"),
    "fields.write": _("Make and change custom fields"),
    "files.read": _("Download files about customers and companies"),
    "files.write": _("Add and delete files about customers and companies"),
    "visits.write": _("Tell of visits of the shop's pages"),
    "packages.read": _("Download copies of customers' data"),
    "packages.write": _("Have copies of customers' data made"),
    "privacy.read": _("Read consent settings and retention periods"),
    "privacy.write": _("Change consent texts and settings, and retention periods"),
    "notes.read": _("Read notes about customers and companies"),
    "notes.write": _("Write notes about customers and companies"),
    "regions.write": _("Change the tree of regions"),
    "views.read": _("Read shared views of lists"),
    "views.write": _("Make and change shared views of lists"),
    "exports.read": _("See and download its own exports"),
    "exports.write": _("Ask for exports of what it may read"),
    "team.read": _("Read members, handovers and assignment rules"),
    "team.write": _("Hand over what leavers held, change assignment rules"),
    "events.read": _("Read the event log"),
    "webhooks.write": _("Manage webhooks"),
    "integrations.read": _("See connected stores and carriers"),
    "integrations.write": _("Connect and change stores and carriers"),
}

# What a key may be given that sees a part of the shop: reading, where it can be narrowed.
PART_SCOPES = frozenset(
    {"customers.read", "companies.read", "tasks.read", "orders.read", "tickets.read", "reviews.read"}
)


def permissions_of(role: str) -> frozenset[str]:
    """Every permission of the role; none for an unknown one."""
    return _BY_ROLE.get(role, frozenset())
