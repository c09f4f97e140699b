"""Marketing's card on the customer page, its button in the customer list, and the pages that its lines on the
timeline link to."""

from django.utils.translation import gettext_lazy as _

from customers.registries import ListAction, Panel, SubjectPage, add_list_action, add_panel, add_subject_page

add_panel(Panel("customer_segments", _("Segments"), "segments.view", order=70, topics=("customer:{id}",)))
add_panel(Panel("customer_mails", _("Campaigns"), "campaigns.view", order=75, topics=("customer:{id}",)))
add_list_action(
    ListAction("segment_pin_many", _("Segment…"), "chart-pie-2", "segments.edit", _("All into a segment…"))
)
add_subject_page("marketing.segment", SubjectPage("segment_detail", "segments.view"))
add_subject_page("marketing.campaign", SubjectPage("campaign_detail", "campaigns.view"))
add_subject_page("marketing.journey", SubjectPage("journey_detail", "journeys.view"))
