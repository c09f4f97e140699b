"""The pages that marketing's lines on the customer's timeline link to."""

from customers.registries import SubjectPage, add_subject_page

add_subject_page("marketing.campaign", SubjectPage("campaign_detail", "campaigns.view"))
add_subject_page("marketing.journey", SubjectPage("journey_detail", "journeys.view"))
