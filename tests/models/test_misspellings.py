"""Misspelt names are heard as what they are slips of; other words of English are left alone."""

from __future__ import annotations

import json
from string import ascii_lowercase

import pytest

from flowbrush.models.cards.registry import card
from flowbrush.models.loading.checkpoint import read
from flowbrush.models.text.misspellings import SHORTEST, Speller
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.text.real_words import REAL_WORDS
from flowbrush.training.world import lexicon

NAMES = sorted({name for noun in (*lexicon.CORE, *lexicon.EXTRA) for name in (noun.name, *noun.synonyms)})
ORDINARY = """
actor arm art attic aunt baker band bank bath bead beak bean beer belt bird blade blanket blouse boat body bone book boot boss
bottle bow bowl box boy brain brick bride brush bucket button cable camp candle cane cape card carpet case cell chain chair chalk
chart check cheek cherub chest chin choir church cinema circle clay cloak cloth clothes cloud coal coat coin collar comb cook
copper cork corner cot couch country court cousin cover crane crate creek crew crib crowd cup curtain cushion cut dad dance dancer
dancing dart daughter day deck desk dinner dish dock doctor doll door dot dragon drain drawer dream dress driver dust ear earth
east edge egg elbow ending engine eye fable face factory fan farmer father feather fellow fence fiddle finger flag flame flask
flight flour folk food foot fork fountain frame friend fur gate giant girl glass glove goat gold grave grill group guard gun hair
hall hammer hand harp heart hedge heel height helmet herb hero hole hood hook horn hotel hour husband ice inch ink iron jacket jar
jaw jewel judge jug juice jungle kettle king kite knee knife knight knot label ladder lady lace leaf leather leg letter lid line
lip list lock log lunch machine maid map marble market mask mat match meal meat metal milk mill mirror money month moose morning
moss mother mountain mouth mud muscle nail name neck needle nest net nose number nurse oil onion oven page pail pan paper parrot
party path pen pencil people picnic picture pillow pin pipe pirate plane plate play plum pocket poet pole pond port pot powder
power prince queen quilt race racket ray ribbon rice ring river roof room root rope rug sack saddle sailor salad salt scarf school
scissors seat seed shade shape sheep sheet shelf shell shirt shoe shop shovel silk singer sink sister skin skirt sleeve smile
smoke soap sock socket sofa son song soup spade spark spider spoon spring stamp station steam steel stem step stick stone stool
stove string sugar suit sweater sword table tail talking tank teacher team tent thread throat thumb ticket tin toe tongue tooth
towel tower toy train tray tribe tub tunnel uncle vase veil vest violin voice wall watch wheel whip whistle white wife window wing
wire wolf woman wonder wood wool word work world worm wrist writer yard yarn zoo
""".split()


@pytest.fixture(scope="module")
def speller() -> Speller:
    """With all that the shipped encoder knows."""
    shipped = card("pocket")
    return PocketText(shipped.pocket_text, json.loads(read(shipped.weights_path)[1]["vocabulary"])).speller


def slips(name: str) -> set[str]:
    """All words that are one slip away."""
    made = {name[:at] + name[at + 1 :] for at in range(len(name))}
    made |= {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)}
    for letter in ascii_lowercase:
        made |= {name[:at] + letter + name[at:] for at in range(len(name) + 1)}
        made |= {name[:at] + letter + name[at + 1 :] for at in range(len(name))}
    return made - {name}


def test_nearly_every_slip_in_a_long_name_is_understood(speller: Speller) -> None:
    all_slips = [
        (word, name)
        for name in NAMES
        if name.isalpha() and len(name) > SHORTEST
        for word in sorted(slips(name))[::17]
    ]
    right = [
        speller.corrected(word)[0] in (name, f"{name}s") or speller.known(word) for word, name in all_slips
    ]
    assert len(right) > 1000 and sum(right) > 0.97 * len(right)


def test_ordinary_words_are_left_alone(speller: Speller) -> None:
    said = [*ORDINARY, *lexicon.STRANGE, "house", "horse", "bear", "beer", "duck", "dusk", "ship"]
    allowed = {"dance": "dances", "flame": "flames"}  # which mean the same
    assert speller.corrected(" ".join(said))[1] == allowed


def test_every_word_that_is_left_alone_lies_beside_a_name(
    speller: Speller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbrush.models.text.misspellings.REAL_WORDS", frozenset())
    assert set(speller.corrected(" ".join(sorted(REAL_WORDS)))[1]) == REAL_WORDS


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("An Elefant", "an elephant"),
        ("a dolfin and a strawbery", "a dolphin and a strawberry"),
        ("rabits, rabbitz", "rabbits, rabbit"),
        ("a giraff, a girrafee", "a giraffe, a girrafee"),
        ("a hors, a caat", "a hors, a caat"),  # too short
        ("a pengin's nose, t-tiiger, tigér", "a pengin's nose, t-tiiger, tigér"),
        ("elepants-elephantt elleephant", "elepants-elephantt elleephant"),
    ],
)
def test_a_slip_is_put_right_where_it_is_a_word_of_its_own(speller: Speller, text: str, heard: str) -> None:
    assert speller.corrected(text)[0] == heard


def test_what_may_be_two_names_is_neither() -> None:
    speller = Speller(["badger", "ladder", "tulip"], lambda word: word == "tulips")
    assert speller.corrected("badder, bagder, tulipp, tulips") == (
        "badder, badger, tulip, tulips",
        {"bagder": "badger", "tulipp": "tulip"},
    )
