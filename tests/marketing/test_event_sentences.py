"""A number decides the form of the word beside it, in the sentences of events too."""

import pytest

from crm.events.types import sentence_of
from marketing.campaigns import events as campaigns
from marketing.segments import events as segments


@pytest.mark.parametrize(
    "name, data, said",
    [
        (campaigns.CAMPAIGN_SENT.name, {"campaign": "Tea", "people": 1}, "reached 1 person"),
        (campaigns.CAMPAIGN_SENT.name, {"campaign": "Tea", "people": 2}, "reached 2 people"),
        (campaigns.CAMPAIGN_SENT.name, {"campaign": "Tea", "people": 0}, "reached 0 people"),
        (campaigns.CAMPAIGN_STARTED.name, {"campaign": "Tea", "people": 1}, "started to 1 person"),
        (campaigns.CAMPAIGN_STARTED.name, {"campaign": "Tea"}, "Campaign started"),  # of unknown size
        (
            segments.SEGMENT_BUILT.name,
            {"segment": "Buyers", "members": 1, "entered": 1, "left": 0},
            "built: 1 person, 1 entered",
        ),
    ],
)
def test_one_person_or_more_people(name: str, data: dict[str, object], said: str) -> None:
    assert said in sentence_of(name, data)
