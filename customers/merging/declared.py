"""What moves of the customers' own rows, and of the event log below them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.merging.registry import Change, Keeper, Mover, Recount, add, add_recount
from customers.models import Identity
from customers.searching import search_rebuild

# Only one address may be the default one: the survivor's, where they have one.
ONE_DEFAULT = Change(
    {"is_default": "FALSE"},
    "t.is_default AND EXISTS (SELECT 1 FROM customers_address s WHERE s.merchant_id = t.merchant_id"
    " AND s.customer_id = %(survivor)s AND s.is_default)",
)

OPEN = "({0}.confirmed_at IS NULL AND {0}.cancelled_at IS NULL)"

add(
    Mover(Identity._meta.label, _("Ways to recognise them")),
    Mover("customers.Address", _("Addresses"), changes=(ONE_DEFAULT,)),
    Mover("customers.Note", _("Notes")),
    Mover("customers.Task", _("Tasks")),
    Mover("customers.File", _("Files")),
    Mover("customers.CompanyContact", _("Companies they speak for"), once=("company_id",)),
    Mover("customers.Consent", _("Answers about consent")),
    Mover("customers.Suppression", _("Addresses that nobody writes to")),
    # Only one question of a kind waits at a time: the survivor's, where they have one.
    Mover(
        "customers.ConsentRequest",
        stays=f"{OPEN.format('t')} AND EXISTS (SELECT 1 FROM customers_consentrequest s WHERE s.merchant_id ="
        f" t.merchant_id AND s.customer_id = %(survivor)s AND s.channel = t.channel AND s.purpose = t.purpose"
        f" AND {OPEN.format('s')})",
    ),
    Mover("customers.Customer", _("People merged into them before"), column="merged_into_id"),
    # `customer_id` says on whose timeline a fact stands and whom handlers look at; the fact itself stays.
    Mover("events.Event", _("Timeline entries")),
    Keeper("customers.Metrics", "counted anew for both"),
    Keeper("customers.SearchDocument", "written anew for both"),
    Keeper("customers.PortalCode", "a code lives for minutes and leads to whoever the person is by then"),
    Keeper("customers.BulkChangeRow", "what that row had before; an undo gives it back to that row"),
    Keeper("customers.DataPackage", "made for who they were; its file is fetched by nobody else"),
    Keeper("customers.Erasure", "says which row was erased or asked to be"),
    Keeper("customers.MergeRecord", "the history of merges names who was merged", column="survivor_id"),
    Keeper("customers.MergeRecord", "the history of merges names who was merged", column="absorbed_id"),
    Keeper("customers.IdentityConflict", "shown with whoever they are now", column="first_id"),
    Keeper("customers.IdentityConflict", "shown with whoever they are now", column="second_id"),
)


add_recount(Recount("customers.search", lambda _merchant_id, ids: search_rebuild(ids)))
