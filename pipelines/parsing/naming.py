"""The things among a prompt's words, with what is said of each: rules of English word order bind numbers, sizes, sides and deeds to
them. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.colors import color
from flowbrush.models.text.pocket import Meaning, PocketText
from flowbrush.pipelines.parsing.deeds import DEEDS, ROOTED, spelled_out
from flowbrush.pipelines.parsing.heights import marked
from flowbrush.pipelines.parsing.phrases import ONE
from flowbrush.pipelines.parsing.shades import dealt, with_shades
from flowbrush.pipelines.parsing.wanted import OTHER, Wanted

PLURAL = 2  # of what is named in the plural without a number
FACTORS = {"small": 0.78, "": 1.0, "big": 1.25}
APART = ONE | frozenset("and or with on in over under near behind beside at to by from next of".split())
"""Words after which another thing begins. Between two words for one thing others only say more of it: "a red hot air balloon"."""
YOUNG = frozenset("puppy puppies kitten kittens cub cubs piglet piglets".split())
"""Names of young ones, which are smaller than others of their kind."""
NOT = frozenset({"no", "without"})
"""Words after which a thing is named that is not to be there."""
KNOWN = frozenset("the my our your his her its their this that these those both".split())
"""Words before the name of a thing that was named before."""
PHRASES = frozenset({"colors", "colors of the last", "height", "relation"})
"""Kinds of several words that were put together: see `heights` and `shades`."""
SAYS_MORE = frozenset("red yellow brown night light flying top".split())
"""First words of names that say something else of other things: an owl at night is one owl."""


def things_named(said: Sequence[Meaning], text: PocketText) -> list[Wanted]:
    """The things among a prompt's words, in its order, with what is said of each. Several mentions of one kind are counted up."""
    reader, said = _Reader(), spelled_out(with_shades(marked(said)))
    for place, meaning in enumerate(said):
        after = said[place + 1] if place + 1 < len(said) else None
        reader.absent = reader.absent and meaning.joined
        if _is_name(meaning, after):
            several, side = text.several(meaning.word), _side_after(said, place)
            reader.name(meaning, _Before(said, place, text), several, side)
        else:
            reader.hear(meaning, said[place - 1] if place else None, after)
    merged: dict[tuple[str | float, ...], Wanted] = {}
    for thing in (one for each in reader.related_things() for one in dealt(each)):
        key = (thing.called, thing.size, thing.side, thing.height, *thing.deed)
        merged[key] = replace(thing, count=merged[key].count + thing.count) if key in merged else thing
    return list(merged.values())


def _is_name(meaning: Meaning, after: Meaning | None) -> bool:
    """Whether a word names a thing, by itself or together with the word after it."""
    named = after is not None and (after.kind, after.name) == (meaning.kind, meaning.name)
    return meaning.kind == "thing" and (named or meaning.word not in SAYS_MORE)


def _side_after(said: Sequence[Meaning], place: int) -> str:
    """The side that is said of the thing named at `place` to tell it from others: "the car on the left"."""
    for each in said[place + 1 :]:
        if not each.joined or each.kind not in ("", "side") or each.word == "and":
            break
        if each.kind == "side":
            return each.name
    return ""


def _is_apart(meaning: Meaning) -> bool:
    return meaning.word in APART or meaning.kind in ("count", "height", "relation")


class _Before:
    """What is said before a word that names a thing, and belongs to it."""

    def __init__(self, said: Sequence[Meaning], place: int, text: PocketText) -> None:
        name = said[place].name
        of = place > 1 and said[place - 1].word == "of"  # "a slice of pizza" is one thing
        at = place - (2 if of else 1)
        while (
            at >= 0
            and said[at + 1].joined
            and not _is_name(said[at], said[at + 1])
            and not _is_apart(said[at])
        ):
            at -= 1
        last = said[at] if at >= 0 and said[at + 1].joined and said[at].kind == "thing" else None
        self.again = last is not None and last.name == name
        """whether the thing was begun to be named: "soccer ball" is one"""
        self.definite = at >= 0 and said[at].word in KNOWN and said[at + 1].joined
        """whether it may have been named before: "the dog" """
        word_before = said[place - 1] if place and said[place].joined else None
        earlier = said[max(0, place - 4) : max(0, place - 1)]
        one = any(each.word in ONE or each.kind == "count" for each in earlier)
        self.modified = (
            word_before is not None
            and word_before.kind == "thing"
            and one
            and not text.several(word_before.word)
        )
        """whether the thing before only says of what kind this one is: "an apple tree" is a tree"""


class _Reader:
    """Binds words to things: numbers and sizes to the next one, deeds to the last one (see `deeds`), sides and heights to the last
    one, or to the next one where a prompt begins with such a place.
    """

    def __init__(self) -> None:
        self.things: list[Wanted] = []
        self.related: list[tuple[int, str, int]] = []
        """places of things of which the first is above or below the second"""
        self.at = -1
        """the place of the thing that was named last"""
        self.count, self.size, self.side, self.color, self.side_of_next = 0, "", "", "", ""
        self.height = self.relation = self.own = ""
        """what the colour is part of the name of, if it is"""
        self.colors: tuple[str, ...] = ()
        self.one_of: int | None = None
        """the place of the things of which the next place or deed is said of one, or of `all_of` those that are left"""
        self.several_at: int | None = None
        self.sides_first = self.absent = self.left_out = self.all_of = False

    def name(self, meaning: Meaning, before: _Before, several: bool, side: str = "") -> None:
        self.left_out = self.absent or (self.left_out and (before.again or before.modified))
        if self.left_out:
            self._forget()
            self.absent = False
            return
        self.size = self.size or ("small" if meaning.word in YOUNG else "")
        if color(meaning.word):  # the "red" of "red car"
            self.color, self.own = color(meaning.word), meaning.name
        last = self.at
        if before.modified and self.things:
            self._last(label=meaning.name)
        elif before.definite and not before.again and self._is_known(meaning.name, side):
            self._beside_known(last)
            if not several and self.things[self.at].count > 1:
                self.one_of = self.at
            return
        elif not before.again:
            self._thing(meaning.name)
            self._last(definite=before.definite)
            if several and self.things[-1].count == 1:
                self._last(count=max(PLURAL, len(self.things[-1].colors)))
        self.one_of, self.several_at = None, self.at if self.things[self.at].count > 1 else None

    def hear(self, meaning: Meaning, before: Meaning | None, after: Meaning | None) -> None:
        kind, name = meaning.kind, meaning.name
        self._single_out(meaning.word)
        self.relation = self.relation if meaning.joined and meaning.word not in ("and", "with") else ""
        of = after is not None and after.word == "of"
        if kind == "count":
            pair = (
                meaning.word == "both" and after is not None and after.word in ONE
            )  # "both a cat and a dog"
            self.count = 0 if pair else int(name)
        elif kind == "size" or meaning.word in YOUNG:
            self._sized(meaning)
        elif meaning.word in NOT:
            self.absent = True
        elif kind in PHRASES:
            self._phrase(kind, name)
        elif meaning.word in ("it", "them") and self.relation and self.at > 0:
            self.related.append((self.at, self.relation, self.at - 1))
        elif color(meaning.word) or _is_apart(meaning):
            self.color, self.own, self.colors = color(meaning.word), name, ()
            self.absent = self.absent and meaning.word not in APART - ONE
        elif self.left_out and kind in DEEDS:
            return  # nobody is there to do it
        elif kind == "verb":
            self._last(verb=name, **self._part_one(direction="", manner=""))
        elif kind in ("side", "direction") and of and self.things:
            self.side_of_next = name  # where the last thing is, seen from the next
        elif kind in ("direction", "manner"):
            self._goer(kind, name)
        elif kind == "side":
            self._place(kind, name)

    def _sized(self, meaning: Meaning) -> None:
        if meaning.kind == "size":
            self.size = meaning.name
        elif meaning.joined and self.things:  # "a bear cub"
            self._last(size=FACTORS["small"])

    def _phrase(self, kind: str, name: str) -> None:
        """Several words that were put together."""
        if kind == "height":
            self._place(kind, name)
        elif kind == "colors":
            self.colors = tuple(name.split())
        elif kind == "colors of the last":
            self._last(colors=tuple(name.split()))
        else:
            self.relation = name if self.things and not self.left_out else ""
            self.color, self.absent = "", False

    def _thing(self, label: str) -> None:
        if self.side_of_next:
            other = OTHER.get(self.side_of_next, "")
            self._last(side=self.things[self.at].side or self.side_of_next)
            self.side = self.side or other
        size = FACTORS[self.size]
        own = bool(self.color) and label == self.own
        shade = "" if own else self.color
        self.things.append(
            Wanted(
                label, self.count or 1, size, self.side, color=shade, own_color=own,
                height=self.height, colors=self.colors,
            )
        )  # fmt: skip
        before, self.at = self.at, len(self.things) - 1
        if self.relation:
            self.related.append((before, self.relation, self.at))
        self.side = self.side_of_next = self.height = self.relation = ""
        self._forget()

    def _beside_known(self, place: int) -> None:
        """The thing at `place` is on a side of the one that is meant: "a dog left of a house, a cat right of the house"."""
        side, self.side_of_next = self.side_of_next, ""
        if side and place != self.at:
            self.things[place] = replace(self.things[place], side=side)
            if self.things[self.at].side == side:
                self._last(side="middle")

    def _is_known(self, label: str, side: str) -> bool:
        """Whether "the dog" is one that was named before; then it is the one that was named last."""
        own = bool(self.color) and label == self.own
        known = [
            place
            for place, thing in enumerate(self.things)
            if thing.label == label
            and (not self.color or (thing.color, thing.own_color) == ("" if own else self.color, own))
            and (not self.size or thing.size in (1.0, FACTORS[self.size]))
            and (not side or thing.side in ("", side))
        ]
        if known:
            self.at = known[-1]
            self._forget()
        return bool(known)

    def _forget(self) -> None:
        """What was said before a thing's name is said of no other."""
        self.count, self.size, self.color, self.colors = 0, "", "", ()

    def related_things(self) -> list[Wanted]:
        """The things, with what they are above or below."""
        things = list(self.things)
        for one, relation, other in self.related:
            things[one] = replace(things[one], relation=(relation, things[other].label))
        return things

    def _place(self, kind: str, name: str) -> None:
        self._part_one()
        self.sides_first = self.sides_first or not self.things
        if self.sides_first:
            setattr(self, kind, name)
        else:
            self._last(**{kind: name})

    def _single_out(self, word: str) -> None:
        if word in ("one", "another", "other", "others") and not self.related:
            self.one_of, self.all_of = self.several_at, word == "others"

    def _part_one(self, **forgotten: str) -> dict[str, str]:
        """One of several things becomes the last thing, where something is said of it alone; then what is `forgotten` of it."""
        place, self.one_of = self.one_of, None
        if place is None:
            return {}
        several = self.things[place]
        if several.count > 1 and not self.all_of:
            self.things[place] = replace(several, count=several.count - 1)
            self.things.append(replace(several, count=1))
        else:
            self.things.append(self.things.pop(place))
            self.several_at = None
        self.at = len(self.things) - 1
        return forgotten

    def _goer(self, kind: str, name: str) -> None:
        """A way or a manner is said of the last thing, or of who does something by what goes nowhere ("flies from a tree to the
        left").
        """
        doers = [place for place in range(self.at) if self.things[place].verb]
        if self.things and self.things[self.at].label in ROOTED and not self.things[self.at].verb and doers:
            self.things[doers[-1]] = replace(self.things[doers[-1]], **{kind: name})  # type: ignore[arg-type]
        else:
            self._last(**{kind: name})

    def _last(self, **said: str | float | bool | tuple[str, ...]) -> None:
        if self.things:
            self.things[self.at] = replace(self.things[self.at], **said)  # type: ignore[arg-type]
