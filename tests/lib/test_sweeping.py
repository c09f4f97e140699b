"""One shop's failure keeps no other one waiting."""

from __future__ import annotations

from crm.accounts.models import Merchant, Team
from crm.lib.sweeping import for_each
from tests.factories.accounts import make_team


def test_the_round_goes_on_behind_a_failure_and_tells_of_it(
    merchant: Merchant, rival: Merchant, caplog
) -> None:
    broken, sound = make_team(merchant), make_team(rival)
    seen: list[int] = []

    def act(team: Team) -> None:
        seen.append(Team.objects.get(pk=team.pk).pk)  # inside its own wall, or it is not found
        if team == broken:
            raise RuntimeError("a bug")

    assert for_each([broken, sound], act, what="a team broke") == 1
    assert seen == [broken.pk, sound.pk]
    assert "a team broke" in caplog.text and "a bug" in caplog.text
