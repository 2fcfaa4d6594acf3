"""How many of each thing are to be there."""

from __future__ import annotations

from collections import Counter

import pytest

from flowbrush.pipelines.parsing.counts import counted, of_counts, of_room
from flowbrush.pipelines.parsing.wanted import Wanted

DOGS, DOG, CAR, BLUE_CAR = Wanted("dog", 2), Wanted("dog"), Wanted("car"), Wanted("car", color="blue")


def test_things_are_counted_by_their_names_with_their_colours() -> None:
    assert counted([DOGS, CAR, BLUE_CAR, DOG]) == {"dog": 3, "car": 1, "blue car": 1}


def test_as_many_come_as_there_are_to_be_the_first_ones_first() -> None:
    assert of_counts([DOGS, CAR, DOG], Counter(dog=1, car=1)) == [DOG, CAR]
    assert of_counts([DOGS, DOG], Counter(dog=3)) == [DOGS, DOG]
    assert of_counts([DOGS, BLUE_CAR], Counter(car=1)) == []


@pytest.mark.parametrize(
    ("room", "coming"), [(5, [DOGS, CAR]), (3, [DOGS, CAR]), (2, [DOGS]), (1, [DOG]), (0, []), (-2, [])]
)
def test_only_so_many_come_as_there_is_room_for(room: int, coming: list[Wanted]) -> None:
    assert of_room([DOGS, CAR], room) == coming
