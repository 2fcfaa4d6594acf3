"""What a prompt asks to be changed, done to the layers that are there: see `models/text/edits.py` for what may be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from torch import Tensor

from flowbrush.models.keyframes import Keyframes
from flowbrush.models.text import edits
from flowbrush.models.text.colors import COLORS, parted
from flowbrush.pipelines.conditions.controls import Blend
from flowbrush.pipelines.parsing.clauses import ClauseReader, sentence
from flowbrush.pipelines.parsing.counts import counted, of_counts
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.recolor import recolored
from flowbrush.pipelines.staging import editing, pacing, putting
from flowbrush.pipelines.staging.figures import sprite
from flowbrush.pipelines.staging.replacing import dealt, dyed, is_dyed, replaced
from flowbrush.pipelines.staging.telling import nobody, retold


class Editor:
    """Changes stacks as prompts ask, with the pictures of `keyframes`; `clauses` say what each layer was told to do."""

    def __init__(self, keyframes: Keyframes, clauses: ClauseReader) -> None:
        self.keyframes, self.clauses = keyframes, clauses
        self.known: Collection[str] = frozenset(keyframes.catalogue.things)

    def edited(
        self, stack: LayerStack, told: Description, lacking: Counter[str], last: Sequence[Wanted] = ()
    ) -> tuple[LayerStack, list[Wanted]]:
        """The stack with what a prompt wants changed of it, and the things that are to come; `last` are those of the one before."""
        assert told.edit is not None
        edit, places, coming = told.edit, editing.chosen(stack, told, last), list[Wanted]()
        match edit.kind:
            case edits.REMOVE:
                stack = editing.removed(stack, places)
            case edits.ONLY:
                stack = editing.removed(stack, editing.others(stack, places, self.known))
            case edits.REPLACE:
                by, coming = dealt(places, told.instead, edit.everything)
                stack = editing.removed(stack, set(places) - by.keys()) if by else stack
                stack = replaced(stack, by, self._drawn, self._goes_on)
            case edits.DYE:
                hues = {place: dyed(stack.layers[place], edit.hue) for place in places}
                stack = replaced(stack, hues, self._drawn, lambda layer, _: layer.told)
            case edits.GROW:
                stack = editing.grown(stack, places, edit.factor)
            case edits.PLACE:
                stack = putting.put(stack, places, edit.side, edit.height)
            case edits.SWAP if len(places) == 2:
                stack = putting.swapped(stack, *places)
            case edits.PACE:
                stack = pacing.urged(stack, places, self.clauses, edit.manner)
            case edits.TURN:
                stack = pacing.sent_back(stack, places, self.clauses)
            case edits.ADD if edit.more:
                coming = self._again(stack, edit.more)
            case edits.ADD:
                new = {thing.called for thing in told.things if not thing.definite}
                counts = counted(told.things).items()
                coming = of_counts(
                    told.things, Counter({name: n if name in new else lacking[name] for name, n in counts})
                )
        return stack, coming

    def _again(self, stack: LayerStack, count: int) -> list[Wanted]:
        """As many more of the thing that came last."""
        hue, kind = next(
            (parted(layer.label) for layer in reversed(stack.layers) if layer.label and not layer.leaving),
            ("", ""),
        )
        homes = dict(zip(self.keyframes.catalogue.things, self.keyframes.catalogue.homes, strict=True))
        return [Wanted(kind, count, color=hue, home=homes[kind])] if kind in homes else []

    def _drawn(self, layer: Layer, thing: Wanted) -> Tensor:
        if is_dyed(layer, thing):
            return recolored(layer.rgba, COLORS[thing.color])
        return sprite(self.keyframes, thing.called)

    def _goes_on(self, layer: Layer, thing: Wanted) -> Blend:
        """What a thing is told that comes in a layer's place: to go on as that went."""
        deed = pacing.going(layer, self.clauses)
        return () if deed is None else ((sentence(replace(deed, label=thing.called)), 1.0),)

    def standing(self, before: LayerStack, told: Description) -> list[str]:
        """Who cannot be hurried, since it goes nowhere."""
        if told.edit is None or told.edit.kind != edits.PACE:
            return []
        stack = retold(before, before.prompt, nobody)
        chosen = [stack.layers[place] for place in editing.chosen(stack, told)]
        standing = [layer.label for layer in chosen if pacing.going(layer, self.clauses) is None]
        if told.edit.everything and len(standing) < len(chosen):
            return []
        called = [name if name == IT else f"the {name}" for name in standing]
        return [f'{name} goes nowhere: say what it is to do, as "{name} runs"' for name in called]
