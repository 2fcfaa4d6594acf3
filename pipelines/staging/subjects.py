"""What a photo shows is given a name when a prompt speaks of it: in "the horse runs to the left" it is the horse that is there,
which a hand has cut out before, or which stands out of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.models.segmentation.subject import standing_out
from flowbrush.models.text.edits import ADD
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan
from flowbrush.pipelines.parsing.deeds import ROOTED
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.acquire import Acquirer, Touch, seen
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.requests import Notice
from flowbrush.pipelines.staging.editing import TO, those

NOTHING_FOUND = "nothing stands out of this photo: pull on what is meant, or select it, and say it again"


class Subjects:
    """Gives names to what is cut from photos; `segmenter` is the one that `acquirer` cuts with."""

    def __init__(
        self, segmenter: Segmenter | None, acquirer: Acquirer, describe: Callable[[Blend], Description]
    ) -> None:
        self.segmenter, self.acquirer, self.describe = segmenter, acquirer, describe

    def named(self, stack: LayerStack, prompts: Blend, together: bool = False) -> LayerStack:
        """The stack whose photo has what new `prompts` mean as layers of their names; as it is where they mean nothing of it. Of
        those that were given `together` with a photo, or that are its first ones, "a horse runs" says what it shows, too.
        """
        if not stack.of_photo:
            return stack
        for name in meant(stack, self.describe(prompts), together):
            stack = self._with_name(stack, name)
        return stack

    def missed(self, stack: LayerStack, plan: ChunkPlan) -> tuple[Notice, ...]:
        """What is said where prompts that are new in this chunk mean what a photo shows, and nothing was found in it; `stack` is
        what `named` made for them.
        """
        return tuple(
            Notice("partly_shown", NOTHING_FOUND, control, text)
            for text, control in plan.new_texts
            if stack.of_photo and IT in meant(stack, self.describe(((text, 1.0),)))
        )

    def _with_name(self, stack: LayerStack, name: str) -> LayerStack:
        cut = [place for place, layer in enumerate(stack.layers) if layer.cut and not layer.leaving]
        unnamed = [place for place in cut if stack.layers[place].label in ("", IT)]
        if unnamed:
            return stack.with_layer(unnamed[-1], replace(stack.layers[unnamed[-1]], label=name))
        return stack if cut else self._with_subject(stack, name)

    def _with_subject(self, stack: LayerStack, name: str) -> LayerStack:
        point = None if self.segmenter is None else standing_out(self.segmenter, seen(stack) * 2 - 1)
        mask = None if point is None else self.acquirer.mask(stack, Touch(point))
        if mask is None:
            return stack
        stack = self.acquirer.cut_out(stack, mask)
        return stack.with_layer(len(stack.layers) - 1, replace(stack.layers[-1], label=name))


def meant(stack: LayerStack, told: Description, together: bool = False) -> list[str]:
    """The names by which prompts speak of what a photo shows and what is no layer of that name yet."""
    if any(thing.on == IT for thing in told.things):
        return [] if any(map(_has_name, stack.layers)) else [IT]
    if told.edit is None and not (told.tells_deeds or told.placed):
        return []
    names = [thing.called for thing in told.things if _is_meant(stack, thing, told, together)]
    if names or told.things:
        return names
    says_it = told.of_what_is_there if told.edit is None else told.edit.kind in TO
    return [IT] if says_it and not told.of_scenery and not any(map(_has_name, stack.layers)) else []


def _is_meant(stack: LayerStack, thing: Wanted, told: Description, together: bool) -> bool:
    """Whether one thing is said to be there, and is no layer yet; of what is rooted nobody means that it goes."""
    known = thing.definite or (together and told.edit is None and told.tells_deeds)
    stays = told.edit is None and thing.label in ROOTED
    added = told.edit is not None and told.edit.kind == ADD and not thing.definite
    return known and not stays and not added and thing.count == 1 and not those(stack.layers, thing)


def _has_name(layer: Layer) -> bool:
    return bool(layer.label) and not layer.leaving
