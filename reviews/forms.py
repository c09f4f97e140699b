"""What people type about reviews."""

from django import forms
from django.utils.translation import gettext_lazy as _

from reviews.models import Reply, Review

STARS = [
    (5, _("5 – very good")),
    (4, _("4 – good")),
    (3, _("3 – all right")),
    (2, _("2 – poor")),
    (1, _("1 – bad")),
]


class ReviewForm(forms.Form):
    """A customer's review."""

    rating = forms.TypedChoiceField(
        label=_("How many stars?"), choices=STARS, coerce=int, widget=forms.RadioSelect
    )
    title = forms.CharField(label=_("In a few words"), max_length=150, required=False)
    body = forms.CharField(
        label=_("What was good, what was not?"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class ReplyForm(forms.ModelForm[Reply]):
    """The shop's public answer."""

    class Meta:
        model = Reply
        fields = ["body"]
        widgets = {"body": forms.Textarea(attrs={"rows": 4})}
        labels = {"body": _("Public answer")}
        help_texts = {"body": _("Everybody reads it under the review. The author is told by e-mail.")}


class WithholdForm(forms.Form):
    """Why a review is kept from the public."""

    reason = forms.ChoiceField(
        label=_("Why"),
        choices=Review.Reason.choices,
        help_text=_("The public report counts it by star. A low rating is no reason."),
    )
