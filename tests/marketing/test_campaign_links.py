"""The links of a campaign are asked, and the check list says which lead nowhere."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.test import Client

from crm.accounts.models import Merchant
from crm.integrations import asking
from crm.integrations.asking import Finding
from crm.lib.errors import TooMany
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import links
from marketing.campaigns.checklist import blocking, checklist
from marketing.campaigns.tasks import check_links
from marketing.campaigns.trials.services import version_add
from marketing.models import Campaign
from tests.factories.marketing_mail import make_campaign
from tests.integrations.servers import Asked, LocalServer, Reply
from tests.support.bells import Rung


@pytest.fixture
def site(settings) -> Iterator[LocalServer]:
    """A shop's web server: pages by their path."""
    settings.OUTGOING_ALLOW_LOOPBACK = True
    with LocalServer() as server:
        server.reply = _page
        yield server


def _page(asked: Asked) -> Reply:
    path = asked.path
    if path == "/no-head":
        return Reply(405 if asked.method == "HEAD" else 200)
    if path.startswith("/to/"):
        return Reply(302, headers={"Location": path.removeprefix("/to/")})
    if path == "/round":
        return Reply(301, headers={"Location": "/round"})
    return Reply(int(path.strip("/") or 200))


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


@pytest.mark.parametrize(
    "path, finding, status, methods",
    [
        ("/200", Finding.FINE, 200, ["HEAD"]),
        ("/no-head", Finding.FINE, 200, ["HEAD", "GET"]),
        ("/404", Finding.GONE, 404, ["HEAD", "GET"]),
        ("/410", Finding.GONE, 410, ["HEAD", "GET"]),
        ("/403", Finding.REFUSED, 403, ["HEAD", "GET"]),
        ("/500", Finding.FAULT, 500, ["HEAD", "GET"]),
        ("/to//200", Finding.MOVED, 200, ["HEAD", "HEAD"]),
        ("/to//404", Finding.GONE, 404, ["HEAD", "HEAD", "GET"]),
        ("/to/weixin://dl/shop", Finding.MOVED, 0, ["HEAD"]),
        ("/round", Finding.ROUND, 0, ["HEAD"] * (asking.REDIRECTS + 1)),
    ],
)
def test_what_stands_at_an_address(
    site: LocalServer, path: str, finding: Finding, status: int, methods: list[str]
) -> None:
    with asking.session() as client:
        found = asking.ask(f"{site.url}{path}", client=client, until=float("inf"))
    assert (found.finding, found.status) == (finding, status)
    assert [each.method for each in site.asked] == methods
    assert all(each.headers["user-agent"].startswith("Guanxi/1 (link check; +") for each in site.asked)


@pytest.mark.parametrize(
    "url, finding",
    [
        ("http://nobody.invalid/", Finding.NO_NAME),
        ("http://10.0.0.8/router", Finding.PRIVATE),
        ("http://169.254.169.254/latest/meta-data", Finding.PRIVATE),
        ("http://127.0.0.1:25/", Finding.NO_ADDRESS),  # a mail server's port
        ("http:///nowhere", Finding.NO_ADDRESS),
        ("http://shop.example:port/", Finding.NO_ADDRESS),
        ("/tea", Finding.NO_ADDRESS),
        ("#", Finding.NO_ADDRESS),
    ],
)
def test_what_nobody_is_asked_at(settings, url: str, finding: Finding) -> None:
    settings.OUTGOING_ALLOW_LOOPBACK = True
    with asking.session() as client:
        assert asking.ask(url, client=client, until=float("inf")).finding is finding


def test_a_redirect_does_not_lead_inside(site: LocalServer) -> None:
    with asking.session() as client:
        found = asking.ask(f"{site.url}/to/http://10.0.0.8/", client=client, until=float("inf"))
    assert (found.finding, found.target) == (Finding.PRIVATE, "http://10.0.0.8/")


def test_silence_and_a_line_that_is_no_tls(site: LocalServer) -> None:
    with asking.session() as client:
        silent = asking.ask(f"http://127.0.0.1:{_free_port()}/", client=client, until=float("inf"))
        plain = asking.ask(site.url.replace("http:", "https:"), client=client, until=float("inf"))
    assert silent.finding is Finding.NO_ANSWER
    assert plain.finding is Finding.CERTIFICATE


def body(*urls: str) -> str:
    return "<html><body>" + "".join(f'<p><a href="{url}">Tea</a></p>' for url in urls) + "</body></html>"


def campaign_with(merchant: Merchant, *urls: str, **values: str) -> Campaign:
    return make_campaign(merchant, body=body(*urls), **values)


def test_which_links_a_mail_has(merchant: Merchant, settings) -> None:
    settings.PUBLIC_URL = "https://crm.example"
    campaign = campaign_with(
        merchant,
        "https://shop.example/?a=1&amp;b={{ customer.city }}",
        *("https://shop.example/?a=1&amp;b=Shanghai", "mailto:tea@shop.example", "tel:+861380013"),
        *("#foot", "#", "{{ unsubscribe_url }}", "https://crm.example/p/my", "www.shop.example"),
        text="Tea: https://shop.example/text. {{ unsubscribe_url }}",
    )
    with merchant_scope(merchant):
        version_add(campaign=campaign, values={"body": body("https://shop.example/b", "#")})
        found = [(link.url, link.letters) for link in links.links_of(campaign, merchant)]
    assert found == [
        ("https://shop.example/?a=1&b=Shanghai", "A"),
        ("#", "AB"),
        ("www.shop.example", "A"),
        ("https://shop.example/text", "A"),
        ("https://shop.example/b", "B"),
    ]


def test_the_check_list_names_what_is_broken(merchant: Merchant, site: LocalServer) -> None:
    urls = [f"{site.url}/{path}" for path in ("200", "404", "500", "403")]
    campaign = campaign_with(merchant, *urls)
    with merchant_scope(merchant):
        assert said(campaign) == [f"A link is not encrypted (http): {urls[0]}"], "nobody was asked yet"
    check_links(merchant.pk, campaign.pk, again=True)
    with merchant_scope(merchant):
        lines = said(campaign)
        assert not blocking(campaign=campaign, merchant=merchant), "a firewall may have refused only us"
    assert f"{urls[1]}: The page is not there (404)" in lines
    assert f"{urls[2]}: Its server has a fault (500)" in lines
    assert any(line.startswith("A link is not encrypted (http)") for line in lines)
    assert not any(urls[3] + ":" in line for line in lines)


def said(campaign: Campaign) -> list[str]:
    points = checklist(campaign=campaign, merchant=campaign.merchant, people=None)
    return [str(point.text) for point in points if point.title == "Links"]


def test_each_is_asked_once_until_somebody_asks_again(merchant: Merchant, site: LocalServer) -> None:
    campaign = campaign_with(merchant, f"{site.url}/200")
    for again, asked in ((False, 1), (False, 1), (True, 2)):
        check_links(merchant.pk, campaign.pk, again=again)
        assert len(site.asked) == asked


def test_no_shop_sees_what_another_found(merchant: Merchant, rival: Merchant, site: LocalServer) -> None:
    mine = campaign_with(merchant, f"{site.url}/404")
    theirs = campaign_with(rival, f"{site.url}/404")
    check_links(merchant.pk, mine.pk, again=True)
    with merchant_scope(merchant):
        assert [link.finding for link in links.links_of(mine, merchant)] == [Finding.GONE]
    with merchant_scope(rival):
        assert [link.finding for link in links.links_of(theirs, rival)] == [""]


def test_a_silent_host_is_not_waited_for(merchant: Merchant, settings) -> None:
    settings.OUTGOING_ALLOW_LOOPBACK = True
    base = f"http://127.0.0.1:{_free_port()}"
    campaign = campaign_with(merchant, *(f"{base}/{number}" for number in range(10)))
    check_links(merchant.pk, campaign.pk, again=True)
    with merchant_scope(merchant):
        found = [link.finding for link in links.links_of(campaign, merchant)]
    assert found.count(Finding.NO_ANSWER) == links.LANES * links.SILENCES
    assert found.count(links.LATE) == 10 - links.LANES * links.SILENCES


def test_one_check_at_a_time_and_not_too_many(
    merchant: Merchant, rung: Callable[..., list[Rung]], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_with(merchant, "https://shop.example/")
    check = partial(links.links_check, campaign=campaign)
    assert rung(check) == [(links.TASK, [merchant.pk, campaign.pk, True], False)]
    assert rung(check) == [], "one is at it"
    check_links(merchant.pk, campaign.pk, again=False)
    assert not links.is_running(campaign)
    monkeypatch.setattr(links, "PER_HOUR", 1)
    with pytest.raises(TooMany):
        check()
    assert not links.is_running(campaign)


def test_the_page_has_them_checked_and_tells_the_check_list(
    merchant: Merchant,
    member_client: Callable[..., Client],
    site: LocalServer,
    rung: Callable[..., list[Rung]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, campaign = member_client("marketer"), campaign_with(merchant, f"{site.url}/404")
    page = f"/campaigns/{campaign.pk}/links/"
    assert rung(lambda: client.get(page)) == [], "somebody may be typing it just now"
    monkeypatch.setattr(links, "SETTLED_SECONDS", 0)
    assert rung(lambda: client.get(page)) == [(links.TASK, [merchant.pk, campaign.pk, False], False)]
    assert "Checking" in client.get(f"{page}?was=running").content.decode()
    check_links(merchant.pk, campaign.pk, again=False)
    answer = client.get(f"{page}?was=running")
    assert answer["HX-Trigger"] == "links-checked"
    assert "The page is not there (404)" in answer.content.decode()
    assert "<a " in answer.content.decode()
    assert rung(lambda: client.get(page)) == [], "they are known for some hours"
    assert rung(lambda: client.post(page)) == [(links.TASK, [merchant.pk, campaign.pk, True], False)]
    side = client.get(f"/campaigns/{campaign.pk}/edit/", headers={"HX-Request": "true"}).content.decode()
    assert "The page is not there (404)" in side
    assert "<form" not in side


def test_the_page_opens_nothing_that_runs(merchant: Merchant, member_client: Callable[..., Client]) -> None:
    campaign = campaign_with(merchant, "javascript:alert(1)")
    page = member_client("marketer").get(f"/campaigns/{campaign.pk}/links/").content.decode()
    assert "javascript:alert(1)" in page
    assert "<a " not in page
    assert "no address that a mail can open" in page
