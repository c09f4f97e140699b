"""Settings: members, invitations and teams; and the invited person's first page."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from crm.accounts import changes, joining, selectors, services
from crm.accounts.forms import InviteForm, JoinForm, MemberForm, TeamForm
from crm.accounts.handover.selectors import held_by, in_words, open_handovers
from crm.accounts.models import Membership, Team
from crm.accounts.routes import StaffRequest
from crm.lib.errors import Rejected
from crm.lib.http import client_ip


def member_list(request: StaffRequest) -> HttpResponse:
    """Everybody who works or worked here."""
    members = list(selectors.member_list(merchant=request.merchant))
    former = [m for m in members if not m.is_active]
    held = held_by([m.pk for m in former])
    for member in former:
        member.holds = in_words(held.get(member.pk, {}))  # type: ignore[attr-defined]
    context = {"active": [m for m in members if m.is_active], "former": former}
    return render(request, "accounts/member_list.html", context)


def member_invite(request: StaffRequest) -> HttpResponse:
    """Makes the member at once and mails them how to get in."""
    form = InviteForm(request.POST or None, initial={"role": "agent", "visibility": "all"})
    if request.method != "POST" or not form.is_valid():
        return render(
            request, "accounts/member_invite.html", {"form": form}, status=422 if form.errors else 200
        )
    changes.check_may_name(request.membership, form.cleaned_data["role"])
    membership = joining.member_invite(merchant=request.merchant, **form.cleaned_data)
    return _invited(request, membership)


@require_POST
def member_invite_again(request: StaffRequest, pk: int) -> HttpResponse:
    membership = _member(request, pk)
    if membership.user.has_usable_password():
        raise Rejected(_("This person has chosen a password already and can sign in."), code="joined_already")
    joining.invitation_ask(membership=membership)
    return _invited(request, membership)


def _invited(request: StaffRequest, membership: Membership) -> HttpResponse:
    messages.success(
        request, _("The invitation is on its way to %(email)s.") % {"email": membership.user.email}
    )
    return redirect("member_list")


def member_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Role, team and what the member sees."""
    membership = _member(request, pk)
    start = {
        "role": membership.role,
        "team": membership.team_id,
        "visibility": membership.visibility,
        "region": membership.region,
    }
    form = MemberForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        changes.member_change(membership=membership, actor=request.membership, **form.cleaned_data)
        messages.success(request, _("%(name)s is changed.") % {"name": membership.user.get_full_name()})
        return redirect("member_list")
    context = {"form": form, "member": membership, "is_me": membership.pk == request.membership.pk}
    return render(request, "accounts/member_edit.html", context, status=422 if form.errors else 200)


@require_POST
def member_deactivate(request: StaffRequest, pk: int) -> HttpResponse:
    membership = _member(request, pk)
    if membership.pk == request.membership.pk:
        raise Rejected(_("You can't deactivate yourself. Ask another owner or manager."), code="yourself")
    changes.check_may_name(request.membership, membership.role)
    services.member_deactivate(membership=membership)
    left = open_handovers().filter(member=membership).first()
    if left is not None and request.membership.can("team.handover"):
        text = _("%(name)s can't sign in here any more. Now hand over what they held.")
        messages.success(request, text % {"name": membership.user.get_full_name()})
        return redirect("handover_record", left.pk)
    messages.success(
        request, _("%(name)s can't sign in here any more.") % {"name": membership.user.get_full_name()}
    )
    return redirect("member_list")


@require_POST
def member_reactivate(request: StaffRequest, pk: int) -> HttpResponse:
    membership = _member(request, pk)
    changes.member_reactivate(membership=membership, actor=request.membership)
    messages.success(
        request, _("%(name)s can sign in here again.") % {"name": membership.user.get_full_name()}
    )
    return redirect("member_list")


def _member(request: StaffRequest, pk: int) -> Membership:
    members = Membership.objects.select_related("user", "merchant", "team")
    return get_object_or_404(members, merchant=request.merchant, pk=pk)


def team_list(request: StaffRequest) -> HttpResponse:
    return render(request, "accounts/team_list.html", {"teams": selectors.team_list(), "form": TeamForm()})


@require_POST
def team_save(request: StaffRequest, pk: int | None = None) -> HttpResponse:
    """Makes a team, or renames the one in the address."""
    team = get_object_or_404(Team, pk=pk) if pk else None
    form = TeamForm(request.POST)
    if not form.is_valid():
        context = {"teams": selectors.team_list(), "form": form}
        return render(request, "accounts/team_list.html", context, status=422)
    changes.team_save(merchant=request.merchant, name=form.cleaned_data["name"], team=team)
    messages.success(request, _("The team is saved."))
    return redirect("team_list")


@require_POST
def team_delete(request: StaffRequest, pk: int) -> HttpResponse:
    changes.team_delete(team=get_object_or_404(Team, pk=pk))
    messages.success(request, _("The team is deleted. Its members stay."))
    return redirect("team_list")


@never_cache
@sensitive_post_parameters("password")
def join(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """The invited person chooses a name and a password and is signed in."""
    joining.check_tries(ip=client_ip(request))
    user = joining.invited_user(uid, token)
    if user is None:
        return render(request, "accounts/join_spent.html", status=404)
    form = JoinForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        try:
            joining.user_join(user=user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("password", error)
        else:
            response: HttpResponse = perform_login(request, user)
            return response
    context = {"form": form, "email": user.email}
    return render(request, "accounts/join.html", context, status=422 if form.errors else 200)
