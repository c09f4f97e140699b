"""Routes of reviews and the permission each needs; the portal's and the public's open ones below."""

from django.urls import URLPattern, path

from crm.accounts.routes import staff_path
from customers.portal_door import portal_door, portal_path
from reviews import panels, portal, public, views

urlpatterns: list[URLPattern] = [
    staff_path("reviews/", views.review_list, name="review_list", needs="reviews.view"),
    staff_path("reviews/integrity/", views.review_integrity, name="review_integrity", needs="reviews.view"),
    staff_path("reviews/<int:review_id>/", views.review_detail, name="review_detail", needs="reviews.view"),
    staff_path(
        "reviews/<int:review_id>/publish/",
        views.review_publish,
        name="review_publish",
        needs="reviews.moderate",
    ),
    staff_path(
        "reviews/<int:review_id>/withhold/",
        views.review_withhold,
        name="review_withhold",
        needs="reviews.moderate",
    ),
    staff_path(
        "reviews/<int:review_id>/reply/", views.review_reply, name="review_reply", needs="reviews.moderate"
    ),
    staff_path(
        "customers/<int:customer_id>/reviews/",
        panels.customer_reviews,
        name="customer_reviews",
        needs="reviews.view",
    ),
    portal_path("reviews/", portal.portal_reviews, name="portal_reviews"),
    portal_path("reviews/write/<int:line_id>/", portal.portal_review_write, name="portal_review_write"),
    portal_path("reviews/<int:review_id>/edit/", portal.portal_review_edit, name="portal_review_edit"),
    portal_path("orders/<int:order_id>/reviews/", portal.portal_order_reviews, name="portal_order_reviews"),
    path(
        "shop/<slug:shop>/reviews/<int:product_id>/",
        portal_door(public.product_reviews, public=True),
        name="public_product_reviews",
    ),
    path(
        "shop/<slug:shop>/reviews/<int:product_id>.json",
        portal_door(public.product_reviews_json, public=True),
        name="public_product_reviews_json",
    ),
    path("shop/<slug:shop>/integrity/", portal_door(public.integrity, public=True), name="public_integrity"),
]
