"""Routes of this app and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers import card_views, consent_views, note_views, record_views, views
from customers.bulk_changes import views as bulk_views
from customers.companies.urls import urlpatterns as companies
from customers.duplicates import views as duplicate_views
from customers.fields import views as field_views
from customers.files import views as file_views
from customers.merging import views as merging
from customers.my_data import views as my_data_views
from customers.privacy import views as privacy_views
from customers.regions.urls import urlpatterns as regions
from customers.retention import views as retention_views
from customers.suppressions.urls import urlpatterns as suppressions
from customers.todos.urls import urlpatterns as todos
from customers.visits.urls import urlpatterns as visits
from customers.wordings import views as wordings

urlpatterns: list[URLPattern] = [
    staff_path("settings/fields/", field_views.field_list, name="field_list", needs="settings.view"),
    staff_path("settings/fields/new/", field_views.field_new, name="field_new", needs="settings.edit"),
    staff_path(
        "settings/fields/<int:field_id>/", field_views.field_edit, name="field_edit", needs="settings.edit"
    ),
    staff_path(
        "settings/fields/<int:field_id>/move/",
        field_views.field_move,
        name="field_move",
        needs="settings.edit",
    ),
    staff_path(
        "settings/fields/<int:field_id>/archive/",
        field_views.field_archive,
        name="field_archive",
        needs="settings.edit",
    ),
    staff_path(
        "settings/fields/<int:field_id>/delete/",
        field_views.field_delete,
        name="field_delete",
        needs="settings.edit",
    ),
    staff_path("customers/", views.customer_list, name="customer_list", needs="customers.view"),
    staff_path("customers/new/", views.customer_new, name="customer_new", needs="customers.edit"),
    staff_path("customers/bulk/", views.customer_bulk, name="customer_bulk", needs="customers.edit"),
    staff_path("customers/conflicts/", merging.conflict_list, name="conflict_list", needs="customers.merge"),
    staff_path(
        "customers/conflicts/<int:conflict_id>/apart/",
        merging.conflict_apart,
        name="conflict_apart",
        needs="customers.merge",
    ),
    staff_path(
        "customers/merges/<int:merge_id>/undo/",
        merging.merge_take_back,
        name="merge_undo",
        needs="customers.merge",
    ),
    staff_path(
        "customers/<int:customer_id>/merge/",
        merging.customer_merge_find,
        name="customer_merge_find",
        needs="customers.merge",
    ),
    staff_path(
        "customers/<int:customer_id>/merge/<int:other_id>/",
        merging.customer_merge,
        name="customer_merge",
        needs="customers.merge",
    ),
    staff_path(
        "customers/<int:customer_id>/merges/",
        merging.customer_merges,
        name="customer_merges",
        needs="customers.view",
    ),
    staff_path(
        "customers/duplicates/",
        duplicate_views.duplicate_queue,
        name="duplicate_queue",
        needs="customers.view",
    ),
    staff_path(
        "customers/duplicates/<int:pair_id>/accept/",
        duplicate_views.duplicate_accept,
        name="duplicate_accept",
        needs="customers.merge",
    ),
    staff_path(
        "customers/duplicates/<int:pair_id>/refuse/",
        duplicate_views.duplicate_refuse,
        name="duplicate_refuse",
        needs="customers.merge",
    ),
    staff_path(
        "customers/duplicates/<int:pair_id>/undo/",
        duplicate_views.duplicate_undo,
        name="duplicate_undo",
        needs="customers.merge",
    ),
    staff_path(
        "customers/<int:customer_id>/duplicates/",
        duplicate_views.customer_duplicates,
        name="customer_duplicates",
        needs="customers.view",
    ),
    staff_path("settings/tags/", bulk_views.word_list, name="word_list", needs="settings.view"),
    staff_path("settings/tags/change/", bulk_views.word_change, name="word_change", needs="customers.bulk"),
    staff_path(
        "customers/bulk/change/",
        bulk_views.customer_change_many,
        name="customer_change_many",
        needs="customers.edit",
    ),
    staff_path(
        "customers/bulk/<int:change_id>/", bulk_views.bulk_record, name="bulk_record", needs="customers.edit"
    ),
    staff_path(
        "customers/bulk/<int:change_id>/undo/",
        bulk_views.bulk_undo,
        name="bulk_undo",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/",
        record_views.customer_record,
        name="customer_record",
        needs="customers.view",
    ),
    staff_path(
        "customers/<int:customer_id>/card/",
        card_views.customer_card,
        name="customer_card",
        needs="customers.pii",
    ),
    staff_path(
        "customers/<int:customer_id>/edit/", views.customer_edit, name="customer_edit", needs="customers.edit"
    ),
    staff_path(
        "customers/<int:customer_id>/summary/",
        record_views.customer_summary,
        name="customer_summary",
        needs="customers.view",
    ),
    staff_path(
        "customers/<int:customer_id>/facts/",
        record_views.customer_facts,
        name="customer_facts",
        needs="customers.view",
    ),
    staff_path(
        "customers/<int:customer_id>/timeline/",
        record_views.customer_timeline,
        name="customer_timeline",
        needs="customers.view",
    ),
    staff_path(
        "customers/<int:customer_id>/consent/",
        consent_views.customer_consent,
        name="customer_consent",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/consent/history/",
        consent_views.customer_consent_history,
        name="customer_consent_history",
        needs="customers.view",
    ),
    staff_path(
        "settings/consent/", wordings.consent_wordings, name="consent_wordings", needs="settings.view"
    ),
    staff_path(
        "settings/consent/save/",
        wordings.consent_settings_save,
        name="consent_settings_save",
        needs="settings.edit",
    ),
    staff_path("settings/consent/new/", wordings.wording_new, name="wording_new", needs="settings.edit"),
    staff_path(
        "customers/<int:customer_id>/identities/",
        record_views.customer_identities,
        name="customer_identities",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/identities/<int:identity_id>/delete/",
        record_views.identity_delete,
        name="identity_delete",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/addresses/",
        record_views.customer_addresses,
        name="customer_addresses",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/addresses/<int:address_id>/",
        record_views.address_edit,
        name="address_edit",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/addresses/<int:address_id>/delete/",
        record_views.address_delete,
        name="address_delete",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/reveal/<slug:what>/",
        record_views.customer_reveal,
        name="customer_reveal",
        needs="customers.pii",
    ),
    staff_path(
        "customers/<int:customer_id>/notes/",
        note_views.customer_notes,
        name="customer_notes",
        needs="customers.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/tags/",
        record_views.customer_tags,
        name="customer_tags",
        needs="customers.edit",
    ),
    staff_path(
        "companies/<int:company_id>/notes/",
        note_views.company_notes,
        name="company_notes",
        needs="companies.view",
    ),
    staff_path(
        "customers/<int:customer_id>/files/",
        file_views.customer_files,
        name="customer_files",
        needs="customers.pii",
    ),
    staff_path(
        "companies/<int:company_id>/files/",
        file_views.company_files,
        name="company_files",
        needs="customers.pii",
    ),
    staff_path("files/<int:file_id>/", file_views.file_download, name="file_download", needs="customers.pii"),
    staff_path(
        "files/<int:file_id>/delete/", file_views.file_delete, name="file_delete", needs="customers.pii"
    ),
    staff_path("notes/people/", note_views.people_find, name="people_find", needs="team.view"),
    staff_path("notes/<int:note_id>/", note_views.note_edit, name="note_edit", needs="customers.edit"),
    staff_path(
        "notes/<int:note_id>/delete/", note_views.note_remove, name="note_delete", needs="customers.edit"
    ),
    staff_path("notes/<int:note_id>/pin/", note_views.note_pinned, name="note_pin", needs="customers.edit"),
    staff_path(
        "customers/<int:customer_id>/data/",
        my_data_views.customer_data,
        name="customer_data",
        needs="customers.export",
    ),
    staff_path(
        "customers/<int:customer_id>/data/<int:package_id>/",
        my_data_views.customer_data_file,
        name="customer_data_file",
        needs="customers.export",
    ),
    staff_path(
        "customers/<int:customer_id>/erase/",
        privacy_views.customer_erase,
        name="customer_erase",
        needs="customers.erase",
    ),
    staff_path(
        "settings/erasures/", privacy_views.erasure_list, name="erasure_list", needs="customers.erase"
    ),
    staff_path(
        "settings/erasures/<int:erasure_id>/cancel/",
        privacy_views.erasure_cancel_view,
        name="erasure_cancel",
        needs="customers.erase",
    ),
    staff_path(
        "settings/retention/",
        retention_views.retention_list,
        name="retention_list",
        needs="settings.view",
        whole_shop=True,
    ),
    staff_path(
        "settings/retention/<str:kind>/",
        retention_views.retention_set,
        name="retention_set",
        needs="settings.edit",
        whole_shop=True,
    ),
    *companies,
    *regions,
    *suppressions,
    *todos,
    *visits,
]
