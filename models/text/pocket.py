"""pocket's text encoder: words, parts of words and a small transformer.

A word that was trained has a vector of its own; every word, known or not, also has the mean vector of its
letter trigrams. So an unknown word degrades to what it looks like and never fails. Of several scenes the first is heard.
An encoder that was trained with concepts also says what each word names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor, nn

from flowbrush.models.cards.spec import PocketTextSpec
from flowbrush.models.text import colors, near_words, quantities, scenes
from flowbrush.models.text.colors import SHADES, color
from flowbrush.models.text.daytimes import day_words
from flowbrush.models.text.edits import edited, first_asked, said_of_change
from flowbrush.models.text.going import going
from flowbrush.models.text.languages import is_foreign
from flowbrush.models.text.lights import light_words
from flowbrush.models.text.looks import looks, without_looks
from flowbrush.models.text.misspellings import Speller
from flowbrush.models.text.near_words import nearest
from flowbrush.models.text.pictographs import spelled
from flowbrush.models.text.places import at_sides, place_words
from flowbrush.models.text.quantities import TAUGHT, absent_words, counted
from flowbrush.models.text.scenes import light_near, one_scene, scene_near
from flowbrush.models.text.words import cut, forms, joins, spans, spoken, trigrams, words

PAD, UNKNOWN = 0, 1
READ = 144  # words of a prompt that are looked at for things, with which a chunk waits
NEAR = 4  # words: how far after a colour the thing is that has it
FAR = 200  # letters: how far before a colour the thing is that has it
ITEMS = 32  # of a list are read by themselves: a picture has fewer things, and a chunk waits for the reading
LINKS = frozenset("is are both all one ones".split())
"""Words with which a colour is said of the thing before it."""
CERTAIN = 0.5  # chance of a concept from which on a word names it: below it is a guess, of "ball" among mere keywords as a meadow
ORDINARY = frozenset(
    "a an the and or of in on at with by to from for is are it its this that some two three very over under near behind "
    "please show me next front now make makes let picture video scene there background moving slowly "
    "my your his her their our its he she they who which where while as then so very through across along around onto into off out "
    "past after above below another other each beside between beneath away towards it's there's one single day sunny no without "
    "ride rides riding rode wears wearing climb climbs climbing mounts mounting boards boarding gets get cub cubs "
    "disappear disappears disappearing vanish vanishes vanishing them him everyone everybody everything all both "
    "can could would will should i i'd i'm we you us want wants like need see have has had give create generate draw set "
    "photo photograph also just really still only too again more suddenly meanwhile afterwards later finally "
    "second together start starts begin begins but 1".split()
)
PRONOUNS = frozenset("it them him her they he she his its their us me".split())
"""Words that name nothing themselves: in "one of them a hat" there is one hat."""
MOST_LOOKS = 6  # phrases that are named of a prompt's style
RIDES = frozenset("ride rides riding rode".split())
OTHERS = near_words.WORDS | scenes.WORDS | colors.NAMES | quantities.WORDS
"""Words that are understood without having been trained."""


class Meaning(NamedTuple):
    """A word of a prompt and the concept that it names: a kind and a name, as "thing" and "dog"; both empty for mere grammar and
    for what was never trained. `joined` to the word before is what no comma or the like sets apart from it.
    """

    word: str
    kind: str
    name: str
    joined: bool = True


class PocketText(nn.Module):
    """Prompts → text tokens [B, length, dim]; places after the last word are zero, as in Wan.

    `concepts` are what its words can name, as "kind:name"; an encoder without them makes tokens and cannot be read.
    """

    slow = False

    def __init__(self, spec: PocketTextSpec, vocabulary: Sequence[str], concepts: Sequence[str] = ()) -> None:
        super().__init__()
        self.spec = spec
        self.concepts = tuple(concepts)
        self.vocabulary = {word: index for index, word in enumerate(vocabulary, 2)}
        self.speller = Speller({*self.vocabulary, *OTHERS} - ORDINARY, self._is_word)
        self.word = nn.Embedding(len(self.vocabulary) + 2, spec.dim, padding_idx=PAD)
        self.part = nn.EmbeddingBag(spec.buckets, spec.dim, mode="mean", padding_idx=0)
        self.place = nn.Parameter(torch.randn(spec.length, spec.dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            spec.dim,
            spec.heads,
            2 * spec.dim,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, spec.layers, nn.LayerNorm(spec.dim), enable_nested_tensor=False
        )
        self.reader = nn.Linear(spec.dim, 1 + len(self.concepts)) if self.concepts else None

    def trained(self, word: str) -> str | None:
        """The form of `word` that was trained; None where none was."""
        return next((form for form in forms(word) if form in self.vocabulary), None)

    def _is_word(self, word: str) -> bool:
        """Whether something is known of `word`, or of what it is a form of."""
        return word in ORDINARY or any(form in self.vocabulary or form in OTHERS for form in forms(word))

    def several(self, word: str) -> bool:
        """Whether `word` is known as the plural of what was trained: "dogs", but not "grapes"."""
        alone = word not in self.vocabulary or word[:-1] in self.vocabulary
        return alone and word.endswith(("s", "men", "mice")) and self.trained(word) is not None

    def unknown(self, text: str) -> dict[str, str]:
        """The words of `text` that were never trained and are not mere grammar, each with the thing or scene that is shown in its
        place, "" where there is none.
        """
        text = self._asked(first_asked(text)[0])
        rest, edit = edited(text)
        if edit is not None and edit.instead:
            return self.unknown(rest) | self.unknown(edit.instead)
        stands, scene = self._nearest(text)[1], scene_near(self.written(text))
        heard = ORDINARY | self._colors_of_things(text) | place_words(text)
        heard |= said_of_change(text) | day_words(text) | (set(words(text)) - set(words(going(text))))
        heard |= light_words(text) | absent_words(text)
        slips = self.speller.corrected(text)[1]
        text, numbers = self._counted(text)
        told = numbers | {phrase: name for phrase, name in stands.items() if " " in phrase}
        parts = {word for phrase in told for word in phrase.split()}
        for word in spoken(text):
            right = slips.get(word, word)
            if right in parts:
                continue
            if right in stands or (self.trained(right) is None and right not in heard):
                near = scene if scene and scene == scene_near(right) else ""
                near = "sea" if near == "beach" and right in scenes.WATERS else near
                shown = stands.get(right, near)
                if not (shown and right in near_words.ALIKE):
                    told[word] = shown
            elif right != word:
                told[word] = right
        return told

    def _colors_of_things(self, text: str) -> set[str]:
        """The words of `text` for colours that a thing is said to have."""
        if self.reader is None:
            return set()
        heard = self._nearest(text)[0]
        apart = zip(words(heard), joins(heard), strict=True)
        plain = "".join(f"{' ' if joined else ', '}{word}" for word, joined in apart)
        said_of = dict[str, set[str]]()
        for found in SHADES.finditer(plain):
            run, after = words(found[0]), words(plain[found.end() :])[:NEAR]
            nouns = [word for word in after if self.trained(word) is not None and not color(word)][:1]
            if sum(bool(color(word)) for word in run) != 1 or not LINKS.isdisjoint(run):
                said = reversed(words(plain[max(0, found.start() - FAR) : found.start()]))
                nouns += [word for word in said if self.trained(word) and word not in ORDINARY][:1]
            for noun in nouns:
                said_of.setdefault(noun, set()).update(run)
        named = self._named([[noun] for noun in said_of])
        things = (noun for noun, ((kind, _),) in zip(said_of, named, strict=True) if kind == "thing")
        return set[str]().union(*(said_of[noun] for noun in things))

    def _counted(self, text: str) -> tuple[str, dict[str, str]]:
        text = spelled(text, lambda word: self.trained(word) is not None, self._is_content)
        return counted(text) if all(word in self.vocabulary for word in TAUGHT) else (text, {})

    def _nearest(self, text: str) -> tuple[str, dict[str, str]]:
        """See `corrected`, `spelled`, `counted` and `nearest`; what was not trained stands for no word."""
        text, numbers = self._counted(self.speller.corrected(self._asked(text))[0])
        heard, stands = nearest(going(edited(text)[0]))
        trained = all(self.trained(word) is not None for name in stands.values() for word in words(name))
        return (heard, numbers | stands) if trained else (text, numbers)

    def heard(self, text: str) -> list[str]:
        """The words of `text` that are encoded, with the nearest trained words in place of others, of one scene. A prompt that is
        too long loses what was never trained first, then mere grammar, then its end.
        """
        said = words(self.written(text))
        if len(said) > self.spec.length:
            said = [word for word in said if self.trained(word) is not None]
        if len(said) > self.spec.length:
            said = [word for word in said if word not in ORDINARY]
        return said[: self.spec.length]

    def written(self, text: str) -> str:
        """`text` as it is heard: see `heard`."""
        return one_scene(self._nearest(text)[0])[0]

    def left_out(self, text: str) -> list[str]:
        """The scenes that `text` names and is not set in, nor in the light of: a picture shows one."""
        return one_scene(self.speller.corrected(self._asked(text))[0])[1]

    def remarks(self, text: str) -> list[str]:
        """What the person should know of `text` as a whole, in words: that it is in another language than is read here, or says how
        it is to be filmed or drawn.
        """
        if self._is_foreign(text):
            return ["this model reads English: say it in English"]
        said = ", ".join(repr(each) for each in looks(text)[:MOST_LOOKS])
        return (
            [f"this model draws everything in one style, with one camera: {said} changes nothing"]
            if said
            else []
        )

    def _is_foreign(self, text: str) -> bool:
        return is_foreign(text, self._is_word)

    def _asked(self, text: str) -> str:
        """What `text` says of a picture that can be shown; nothing where it is in another language."""
        return "" if self._is_foreign(text) else without_looks(text)

    def light(self, text: str) -> str | None:
        """The time of day in whose light `text` asks for a place: "night" or "sunset"."""
        return light_near(self._nearest(text)[0])

    def knows(self, text: str) -> bool:
        """Whether `text` has a word that was trained and is not mere grammar."""
        return any(map(self._is_content, words(text)))

    def read(self, text: str) -> list[Meaning]:
        """What each of the first READ words of a prompt names. Raises ValueError where the encoder has learned tokens alone.

        It has learned sentences: an item of a list ("cat, dog, ball") in which it finds no thing is read by itself, and so is a
        word that names nothing among mere keywords ("cat dog ball"), or beside words that it never saw ("catching a ball").
        """
        if self.reader is None:
            raise ValueError("this text encoder has no concepts: it makes tokens and cannot be read")
        written = self.written(text)
        heard, joined = words(written)[:READ], joins(written)[:READ]
        items = spans(joined)
        pieces = [heard[begin:end] for begin, end in cut(items, self.spec.length)]
        named = [concept for piece in self._named(pieces) for concept in piece]
        bare = [
            span
            for span in items
            if len(items) > 1 and not any(kind == "thing" for kind, _ in named[slice(*span)])
        ]
        bare = [(begin, min(end, begin + self.spec.length)) for begin, end in bare][:ITEMS]
        for (begin, end), item in zip(bare, self._named([heard[slice(*span)] for span in bare]), strict=True):
            named[begin:end] = item
        listed = {at for span in items if ORDINARY.isdisjoint(heard[slice(*span)]) for at in range(*span)}
        alone = [at for at in range(len(heard)) if at in listed or self._is_content(heard[at])]
        alone = [at for at in alone if not named[at][0] and not color(heard[at])][:ITEMS]
        for at, (concept,) in zip(alone, self._named([[heard[at]] for at in alone]), strict=True):
            named[at] = concept if concept[0] == "thing" else named[at]
        named = at_sides(heard, self._unborrowed(heard, named, joined))
        named = [("", "") if word in PRONOUNS else each for word, each in zip(heard, named, strict=True)]
        return [
            Meaning(word, *concept, close) for word, concept, close in zip(heard, named, joined, strict=True)
        ]

    def _is_content(self, word: str) -> bool:
        """Whether a word was learned, and is not mere grammar."""
        return word not in ORDINARY and self.trained(word) is not None

    def _unborrowed(
        self, heard: Sequence[str], named: Sequence[tuple[str, str]], joined: Sequence[bool]
    ) -> list[tuple[str, str]]:
        """Names of several words belong to words that stand together: the tree beside a pine tree is a tree."""

        def stands_with(at: int, other: int, between: int) -> bool:
            return 0 <= other < len(named) and named[other] == named[at] and joined[between]

        several = {name for name, count in Counter(named).items() if name[0] == "thing" and count > 1}
        alone = [
            at
            for at in range(len(named))
            if named[at] in several
            and not stands_with(at, at - 1, at)
            and not stands_with(at, at + 1, at + 1)
        ][:ITEMS]
        names = list(named)
        for at, (concept,) in zip(alone, self._named([[heard[at]] for at in alone]), strict=True):
            names[at] = concept if concept[0] == "thing" else names[at]
        return names

    @torch.inference_mode()
    def _named(self, heard: Sequence[Sequence[str]]) -> list[list[tuple[str, str]]]:
        """The kind and the name of the concept of each word, of words that belong together; "" for those that name none."""
        if not heard:
            return []
        assert self.reader is not None
        best, which = self.reader(self([" ".join(each) for each in heard])).softmax(-1).max(-1)  # [B, length]
        concepts = [("", ""), *(concept.partition(":")[::2] for concept in self.concepts)]
        sure = torch.where(best > CERTAIN, which, 0).tolist()
        return [
            [concepts[index] for index in row[: len(each)]] for row, each in zip(sure, heard, strict=True)
        ]

    def forward(self, prompts: Sequence[str]) -> Tensor:
        length, device = self.spec.length, self.place.device
        known = torch.zeros(len(prompts), length, dtype=torch.long)
        parts: list[list[int]] = [[] for _ in range(len(prompts) * length)]
        for row, prompt in enumerate(prompts):
            for column, word in enumerate(self.heard(prompt)):
                form = self.trained(word)
                known[row, column] = UNKNOWN if form is None else self.vocabulary[form]
                parts[row * length + column] = trigrams(form or word, self.spec.buckets)
        empty = (known == PAD).to(device)
        empty[:, 0] = False  # an empty prompt attends to its first place
        x = self.word(known.to(device)) + self._looks(parts).unflatten(0, known.shape) + self.place
        x = self.encoder(x, src_key_padding_mask=empty)
        made: Tensor = x.masked_fill(empty[..., None], 0.0)
        return made

    def _looks(self, words: Sequence[Sequence[int]]) -> Tensor:
        """The mean vectors [n, dim] of words given as their trigrams; zeros for those of none."""
        flat = torch.tensor([part for parts in words for part in parts], dtype=torch.long)
        begins = torch.tensor([0, *accumulate(map(len, words[:-1]))])
        made: Tensor = self.part(flat.to(self.place.device), begins.to(self.place.device))
        return made
