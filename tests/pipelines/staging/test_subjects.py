"""Which names prompts have for what a photo shows, and what gets them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, RED, disc, stack

from flowbrush.models.text.edits import ADD, CAMERA, GROW, REMOVE, Edit
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.acquire import Acquirer
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.staging.subjects import Subjects, meant

THE_DOG, A_DOG = Wanted("dog", verb="run", definite=True), Wanted("dog", verb="run")
RUNS = Description(things=(THE_DOG,), tells_deeds=True)
A_DOG_RUNS = replace(RUNS, things=(A_DOG,))
IT_RUNS = Description(of_what_is_there=True, tells_deeds=True)
SAID = (("it runs", 1.0),)


def cut(label: str = "", **more: object) -> Layer:
    return replace(disc(BLUE, 60, 30, **more), label=label, cut=True)


@pytest.mark.parametrize(
    ("told", "together", "names"),
    [
        (RUNS, False, ["dog"]),
        (A_DOG_RUNS, False, []),
        (A_DOG_RUNS, True, ["dog"]),
        (replace(RUNS, things=(replace(A_DOG, count=2),)), True, []),
        (replace(RUNS, things=(replace(THE_DOG, color="brown"),)), False, ["brown dog"]),
        (replace(RUNS, things=(replace(THE_DOG, label="tree"),)), False, []),
        (replace(RUNS, things=(THE_DOG, Wanted("cat", definite=True))), False, ["dog", "cat"]),
        (Description(things=(replace(THE_DOG, verb=""),)), False, []),
        (Description(scene="beach", things=(replace(THE_DOG, verb=""),), placed=True), False, ["dog"]),
        (Description(things=(THE_DOG,), edit=Edit(REMOVE)), False, ["dog"]),
        (Description(things=(replace(THE_DOG, label="tree"),), edit=Edit(REMOVE)), False, ["tree"]),
        (Description(things=(A_DOG,), edit=Edit(ADD)), True, []),
        (Description(things=(A_DOG, Wanted("cat", definite=True)), edit=Edit(ADD)), True, ["cat"]),
        (IT_RUNS, False, [IT]),
        (Description(edit=Edit(GROW, everything=True)), False, [IT]),
        (Description(edit=Edit(REMOVE)), False, [IT]),
        (Description(edit=Edit(CAMERA)), False, []),
        (replace(IT_RUNS, tells_deeds=False), True, []),
    ],
)
def test_what_prompts_mean_of_a_photo(told: Description, together: bool, names: list[str]) -> None:
    assert meant(stack(), told, together) == names


def test_what_has_its_name_is_meant_no_more_and_scenery_never() -> None:
    assert meant(stack(cut("dog")), RUNS) == []
    assert meant(stack(cut("cat")), IT_RUNS) == []
    assert meant(stack(cut("cat", leaving=True)), IT_RUNS) == [IT]
    assert meant(stack(), replace(IT_RUNS, of_scenery=True)) == []


def test_the_front_one_of_what_was_cut_out_gets_the_name() -> None:
    subjects = Subjects(None, Acquirer(None, None), lambda prompts: RUNS)
    photo = stack(cut(), cut(), disc(RED, 30, 30))
    assert [each.label for each in subjects.named(photo, SAID).layers] == ["", "dog", "disc"]
    called_it = stack(cut("cat"), cut(IT))
    assert [each.label for each in subjects.named(called_it, SAID).layers] == ["cat", "dog"]
    for full in (stack(cut("cat")), stack(cut(leaving=True)), stack()):
        assert subjects.named(full, SAID) == full, "nobody looks for it here"


def test_in_a_scene_of_words_nothing_is_named() -> None:
    subjects = Subjects(None, Acquirer(None, None), lambda prompts: RUNS)
    for scene in (replace(stack(cut()), label="beach"), replace(stack(cut()), next_label="beach")):
        assert subjects.named(scene, SAID) is scene
