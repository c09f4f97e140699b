"""The shop and those who work there: staff, not customers. A kept search and a colleague's notices may name
one."""

import re

from crm.accounts.models import Notice
from crm.accounts.saved_views.models import SavedView
from crm.lib.privacy import Person, add_eraser, harmless, personal


def wipe(person: Person) -> int:
    """A view that searches for the person, or is called after them, searches for nobody."""
    pattern = person.pattern()
    changed = 0
    for view in SavedView.objects.iterator():
        if pattern.search(f"{view.name}\x1f{view.query}".lower()):
            SavedView.objects.filter(pk=view.pk).update(name=f"#{view.pk}", query="")
            changed += 1
    return changed + _notices(person, pattern)


def _notices(person: Person, pattern: re.Pattern[str]) -> int:
    """Notices that name the person or tell of a row of theirs ("task:12:given:3") go."""
    theirs = {(label.rpartition(".")[2], str(pk)) for label, ids in person.rows.items() for pk in ids}
    named = []
    for notice in Notice.objects.only("pk", "title", "line", "href", "dedupe_key").iterator(1_000):
        words = f"{notice.title}\x1f{notice.line}\x1f{notice.href}\x1f{notice.dedupe_key}"
        if tuple(notice.dedupe_key.split(":")[:2]) in theirs or pattern.search(words.lower()):
            named.append(notice.pk)
    return int(Notice.objects.filter(pk__in=named).delete()[0])


add_eraser("accounts", wipe=wipe)
personal("accounts.savedview", "name", "query")
personal("accounts.notice", "title", "line", "href", "dedupe_key")
harmless("accounts.defaultview", "list_key", why="a name in our code")
harmless("accounts.savedview", "list_key", why="a name in our code")

harmless(
    "accounts.apikey",
    "name",
    "prefix",
    "digest",
    "scopes",
    "bound",
    "region",
    why="a program's access, made by the shop's staff",
)
harmless("accounts.team", "name", why="the shop's own")
harmless("accounts.exchangerate", "currency", why="the shop's own")
harmless("accounts.counter", "series", why="a name in our code")
harmless(
    "accounts.handovermove",
    "actor",
    "kinds",
    "ids",
    "people",
    "loads",
    "receipt",
    "tell_subject",
    "tell_text",
    why="ids of rows and members; a text for everybody, its places filled in the mail only",
)
harmless("accounts.handoverrow", "kind", why="a name in our code")
harmless(
    "accounts.assignmentrule",
    "subject",
    "name",
    "conditions",
    "people",
    why="the shop's own words for who gets what comes in",
)
