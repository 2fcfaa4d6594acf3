"""What the person hears of a prompt that cannot be shown as it is."""

from __future__ import annotations

from dataclasses import replace

from stacks import RED, disc, stack

from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.staging.unheeded import crowded, named, unheeded

CAT = Wanted("cat", unheeded=("a cat stays on the ground: 'at the top' is left out",))


def test_what_cannot_be_shown_is_told_with_why() -> None:
    told = Description(things=(CAT,), weather=("rain",), later=("then",))
    assert unheeded(told) == [
        "a cat stays on the ground: 'at the top' is left out",
        "rain is hardly seen: no drops fall",
        "what comes from 'then' on is left out: say it in a prompt of its own, when it is time",
    ]
    assert unheeded(Description(scene="snow", things=(Wanted("cat"),))) == []


def test_a_full_picture_is_told_of_to_who_wants_more_in_it() -> None:
    full = stack(*[disc(RED, 5, 5)] * 24)
    assert crowded(Description(things=(CAT,)), full) and not crowded(Description(), full)
    leaving = full.with_layer(0, replace(full.layers[0], leaving=True))
    photo = full.with_layer(0, replace(full.layers[0], label=""))
    for fewer in (leaving, photo):
        assert len(named(fewer)) == 23 and not crowded(Description(things=(CAT,)), fewer)
