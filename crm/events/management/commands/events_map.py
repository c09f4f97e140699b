"""Prints who announces what and who reacts, as docs/events.md keeps it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from crm.events.handling import listeners_to_all, reactions
from crm.events.types import REGISTRY

HEADER = """# Events

Made by `make manage ARGS="events_map --write"`; a test keeps it equal to the code. An app announces a fact in
the transaction that makes it true; handlers on the same or a higher floor react after the commit.
The same names are the types of outgoing webhooks.

| event | what happened | who reacts |
|---|---|---|
"""


def events_map() -> str:
    """The whole page in Markdown, English."""
    reacting = reactions()
    lines = [
        f"| `{name}` | {REGISTRY[name].label} | {_quoted(reacting.get(name, []))} |"
        for name in sorted(REGISTRY)
    ]
    every = _quoted(listeners_to_all())
    return HEADER + "\n".join(lines) + f"\n\nListening to whatever they are set up for: {every}.\n"


def _quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


class Command(BaseCommand):
    help = "Prints the map of events and handlers; --write puts it into docs/events.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="write docs/events.md")

    def handle(self, *args: Any, write: bool = False, **options: Any) -> None:
        page = events_map()
        if write:
            with open("docs/events.md", "w", encoding="utf-8") as file:
                file.write(page)
        self.stdout.write(page)
