"""Settings: the shop itself, its rates, and who may do what."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts import changes, selectors
from crm.accounts.forms import MerchantForm, RateForm
from crm.accounts.models import ExchangeRate
from crm.accounts.permissions import Role
from crm.accounts.routes import StaffRequest


def settings_index(request: StaffRequest) -> HttpResponse:
    """The first section that the member may open."""
    return redirect("settings_shop" if request.membership.can("settings.view") else "member_list")


def settings_shop(request: StaffRequest) -> HttpResponse:
    """The shop's own data; changing them takes settings.edit."""
    context = {
        "form": MerchantForm(instance=request.merchant),
        "may_edit": request.membership.can("settings.edit"),
    }
    return render(request, "accounts/settings_shop.html", context)


@require_POST
def settings_shop_save(request: StaffRequest) -> HttpResponse:
    form = MerchantForm(request.POST, instance=type(request.merchant).objects.get(pk=request.merchant.pk))
    if not form.is_valid():
        context = {"form": form, "may_edit": True}
        return render(request, "accounts/settings_shop.html", context, status=422)
    changes.merchant_change(merchant=request.merchant, changes=form.changes())
    messages.success(request, _("The shop's settings are saved."))
    return redirect("settings_shop")


def rate_list(request: StaffRequest) -> HttpResponse:
    """What other currencies are worth in the currency of the books, and since when."""
    form = RateForm(initial={"valid_from_on": timezone.localdate(timezone=request.merchant.zone)})
    return _rates(request, form)


@require_POST
def rate_set(request: StaffRequest) -> HttpResponse:
    form = RateForm(request.POST)
    if not form.is_valid():
        return _rates(request, form, status=422)
    changes.rate_set(merchant=request.merchant, **form.cleaned_data)
    messages.success(request, _("The rate is saved. Orders from that day on use it."))
    return redirect("rate_list")


@require_POST
def rate_delete(request: StaffRequest, pk: int) -> HttpResponse:
    changes.rate_delete(rate=get_object_or_404(ExchangeRate, pk=pk))
    messages.success(request, _("The rate is deleted."))
    return redirect("rate_list")


def _rates(request: StaffRequest, form: RateForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "rates": selectors.rate_list()}
    return render(request, "accounts/rate_list.html", context, status=status)


def permission_table(request: StaffRequest) -> HttpResponse:
    """Who may do what, as the code has it."""
    context = {"roles": list(Role), "areas": selectors.permission_areas(), "mine": request.membership.role}
    return render(request, "accounts/permission_table.html", context)
