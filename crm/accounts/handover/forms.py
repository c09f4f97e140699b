"""The form of a round: what, how, to whom, and whether customers are told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.accounts.handover.asking import Ask
from crm.accounts.handover.models import HandoverMove
from crm.accounts.handover.selectors import Held
from crm.accounts.models import Membership


def letter_start() -> tuple[str, str]:
    """(subject, text) to begin with, in the active language."""
    return (
        _now("{{colleague}} looks after you from now on"),
        _now(
            "Hello {{name}},\n\n{{former}} doesn't work with us any more. From now on {{colleague}} looks"
            " after you; write to us as before.\n\n{{shop}}"
        ),
    )


class HandoverForm(forms.Form):
    kinds = forms.MultipleChoiceField(label=_("What"), widget=forms.CheckboxSelectMultiple)
    how = forms.ChoiceField(label=_("How"), choices=HandoverMove.How.choices, widget=forms.RadioSelect)
    people = forms.MultipleChoiceField(
        label=_("To whom"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("By region or team: nobody ticked is everybody who fits."),
    )
    rest = forms.ChoiceField(
        label=_("What the rule finds nobody for"),
        required=False,
        help_text=_("By region or team: what belongs to none, or to one where nobody works."),
    )
    tell = forms.BooleanField(
        label=_("Tell the customers by mail"),
        required=False,
        help_text=_("One short mail to each customer with an address; addresses that are barred get none."),
    )
    tell_subject = forms.CharField(label=_("Subject"), max_length=200, required=False)
    tell_text = forms.CharField(
        label=_("Text"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text=_("{{name}}, {{colleague}}, {{former}} and {{shop}} are filled in."),
    )

    def __init__(self, data: Any, *, held: list[Held], people: list[Membership]) -> None:
        subject, text = letter_start()
        start = {
            "kinds": [one.holding.key for one in held],
            "how": HandoverMove.How.PERSON,
            "tell_subject": subject,
            "tell_text": text,
        }
        super().__init__(data, initial=start)
        choices = [(one.holding.key, f"{one.holding.label} ({one.count:,})") for one in held if one.count]
        self.fields["kinds"].choices = choices  # type: ignore[attr-defined]
        self.fields["people"].choices = [(str(one.pk), _person(one)) for one in people]  # type: ignore[attr-defined]
        stays = ("", _now("Stays to be handed over"))
        self.fields["rest"].choices = [stays, *((str(one.pk), _person(one)) for one in people)]  # type: ignore[attr-defined]

    def ask(self) -> Ask:
        said = self.cleaned_data
        return Ask(
            how=said["how"],
            kinds=said["kinds"],
            people=[int(pk) for pk in said["people"]],
            rest=int(said["rest"]) if said["rest"] else None,
            letter=(said["tell_subject"], said["tell_text"]) if said["tell"] else None,
        )


def _person(member: Membership) -> str:
    """The name, with team and region where there are such."""
    more = [part for part in (member.team.name if member.team else "", member.region) if part]
    return f"{member.user} ({' · '.join(more)})" if more else str(member.user)
