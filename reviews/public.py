"""What everybody may read: a product's reviews as page and JSON, and the integrity report."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from crm.lib.keyset import keyset_page
from customers.portal_door import PortalRequest, render_portal
from orders.models import Product
from reviews import ledger
from reviews.models import LedgerEntry, Review
from reviews.selectors import Rating, integrity_report, product_rating

PAGE_SIZE = 20


def product_reviews(request: PortalRequest, product_id: int) -> HttpResponse:
    """A product's published reviews, newest first."""
    product, rating, page = _read(request, product_id)
    context = {
        "product": product,
        "rating": rating,
        "reviews": page.rows,
        "more": f"{request.path}?after={page.after}" if page.after else "",
        "markup": schema_org(product, rating, page.rows),
    }
    if request.headers.get("HX-Request") == "true":
        return render_portal(request, "reviews/_public_rows.html", context)
    return render_portal(request, "reviews/public_product.html", context)


def product_reviews_json(request: PortalRequest, product_id: int) -> HttpResponse:
    """The same for a shop's own page: readable from any origin, without cookies."""
    product, rating, page = _read(request, product_id)
    response = JsonResponse(
        {
            "product": {"id": product.pk, "external_id": product.external_id, "title": product.title},
            "rating": {
                "count": rating.count,
                "average": round(rating.average, 2),
                "stars": {str(star): number for star, number, _share in rating.stars},
            },
            "reviews": [_public(review) for review in page.rows],
            "next": f"{request.path}?after={page.after}" if page.after else None,
            "schema_org": schema_org(product, rating, page.rows),
        }
    )
    response["Access-Control-Allow-Origin"] = "*"
    return response


def integrity(request: PortalRequest) -> HttpResponse:
    """The public report with the newest hash, which pins all history before it."""
    head = LedgerEntry.objects.order_by("-sequence").first()
    context = {"report": integrity_report(), "head": head, "genesis": ledger.GENESIS}
    return render_portal(request, "reviews/public_integrity.html", context)


def _read(request: PortalRequest, product_id: int) -> tuple[Product, Rating, Any]:
    product = get_object_or_404(Product, pk=product_id)
    reviews = Review.objects.filter(product=product).published().select_related("reply")
    page = keyset_page(
        reviews, order=["-published_at", "-id"], after=request.GET.get("after", ""), size=PAGE_SIZE
    )
    return product, product_rating(product), page


def _public(review: Review) -> dict[str, Any]:
    reply = getattr(review, "reply", None)
    return {
        "id": review.pk,
        "rating": review.rating,
        "title": review.title,
        "body": review.body,
        "author": review.author_name,
        "verified_purchase": review.verified_purchase,
        "published_at": review.published_at,
        "reply": {"body": reply.body, "created_at": reply.created_at} if reply else None,
    }


def schema_org(product: Product, rating: Rating, reviews: list[Review]) -> dict[str, Any]:
    """https://schema.org/Product with AggregateRating and Review; search engines read it from the page."""
    markup: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title,
        "sku": product.external_id,
    }
    if product.image_url:
        markup["image"] = product.image_url
    if rating.count:
        markup["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{rating.average:.2f}",
            "reviewCount": rating.count,
        }
    markup["review"] = [
        {
            "@type": "Review",
            "author": {"@type": "Person", "name": review.author_name},
            "datePublished": review.published_at.date().isoformat() if review.published_at else None,
            "name": review.title,
            "reviewBody": review.body,
            "reviewRating": {
                "@type": "Rating",
                "ratingValue": review.rating,
                "bestRating": 5,
                "worstRating": 1,
            },
        }
        for review in reviews
    ]
    return markup
