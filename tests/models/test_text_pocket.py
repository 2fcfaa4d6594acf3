"""pocket's text encoder: any prompt is taken, unknown words degrade and are told."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbrush.models.cards.spec import PocketTextSpec
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.text.words import words

SPEC = PocketTextSpec(dim=16, layers=1, heads=2, length=8, buckets=64)


@pytest.fixture(scope="module")
def encoder() -> PocketText:
    torch.manual_seed(4)
    return PocketText(SPEC, ["cat", "dog", "meadow", "t-shirt"]).eval().requires_grad_(False)


def test_words_are_lower_case_and_keep_inner_marks() -> None:
    assert words("A Cat, a T-shirt & the dog's 2 balls!") == [
        "a",
        "cat",
        "a",
        "t-shirt",
        "the",
        "dog's",
        "2",
        "balls",
    ]


def test_unknown_words_are_named_and_grammar_is_not(encoder: PocketText) -> None:
    assert encoder.unknown("A cat and a zorble in the meadow, please") == {"zorble": ""}


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("a dog, рыжая лиса", ["рыжая", "лиса"]),
        ("a cat and 一只狐狸", ["一只狐狸"]),
        ("एक लोमड़ी, cat", ["एक", "लोमड़ी"]),
        ("ثعلب in the meadow", ["ثعلب"]),
        ("a 🦊\ufe0f in the meadow", ["🦊"]),
        ("café", ["café"]),
        ("a cat -- 'dog' cats' dogs-- ½", ["½"]),
        ("the dog’s cat", ["dog's"]),
        ("…!? \u200b\u0301", []),
    ],
)
def test_no_word_of_any_script_is_lost_without_a_word(
    encoder: PocketText, prompt: str, named: list[str]
) -> None:
    assert list(encoder.unknown(prompt)) == named


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("рыжая лиса в снегу", ["this model reads English: say it in English"]),
        ("ein Hund in der Wiese", ["this model reads English: say it in English"]),
        (
            "an oil painting of a dog, 4k",
            [
                "this model draws everything in one style, with one camera: 'an oil painting', '4k' changes nothing"
            ],
        ),
        ("a dog in the meadow", []),
    ],
)
def test_another_language_and_another_look_are_told(
    encoder: PocketText, prompt: str, said: list[str]
) -> None:
    assert encoder.remarks(prompt) == said and encoder.unknown(prompt) == {}


def test_nothing_is_read_into_another_language(encoder: PocketText) -> None:
    assert encoder.heard("ein Hund und die Katze") == [] and encoder.heard("a die") == ["a", "die"]


def test_what_is_not_to_be_there_is_not_missed(encoder: PocketText) -> None:
    assert encoder.unknown("a cat, no zorbles and no people") == {}
    assert encoder.unknown("could you draw just a foggy meadow at the golden hour") == {}


def test_a_plural_is_read_as_the_word_that_was_trained(encoder: PocketText) -> None:
    assert torch.equal(encoder(["cats"]), encoder(["cat"]))
    assert encoder.unknown("two cats, dogs and ss") == {"ss": ""} and encoder.knows("meadows")


def test_a_word_is_heard_as_the_nearest_that_was_trained(encoder: PocketText) -> None:
    assert torch.equal(encoder(["a poodle in the park"]), encoder(["a dog in the park"]))
    assert torch.equal(encoder(["two Poodles"]), encoder(["two dogs"]))
    assert encoder.unknown("two poodles and a zorble in the park") == {
        "poodles": "dog",
        "zorble": "",
        "park": "meadow",
    }


def test_a_misspelling_is_heard_as_what_it_is_of_and_told(encoder: PocketText) -> None:
    assert torch.equal(encoder(["two poodels in the meadw"]), encoder(["two dogs in the meadow"]))
    assert encoder.unknown("two poodels in the meadw, a gardn") == {
        "poodels": "dog",
        "meadw": "meadow",
        "gardn": "meadow",
    }
    assert encoder.left_out("a cat in the meadw on the beachh") == ["beach"]


def test_a_long_prompt_loses_what_says_nothing_first(encoder: PocketText) -> None:
    long = "a cat with very many zorbles, which a quilp might zorbel, in the meadow and a dog"
    assert encoder.heard(long) == ["cat", "meadow", "dog"]
    assert encoder.heard("a zorble in the meadow") == ["a", "zorble", "in", "the", "meadow"]
    assert encoder.heard("cat dog " * 9) == ["cat", "dog"] * 4


def test_an_encoder_that_lacks_the_nearest_word_hears_the_word_itself(encoder: PocketText) -> None:
    assert encoder.unknown("a hawk") == {"hawk": ""} and encoder.heard("a hawk") == ["a", "hawk"]


def test_unknown_words_still_say_something(encoder: PocketText) -> None:
    """Two unknown words differ, and one is like its own misspelling."""
    zorble, zorbel, quilp = (encoder([f"a {word}"])[0, 1] for word in ("zorble", "zorbel", "quilp"))
    assert not torch.allclose(zorble, quilp, atol=1e-3)
    assert float((zorble - zorbel).norm()) < float((zorble - quilp).norm())


def test_places_after_the_last_word_are_zero(encoder: PocketText) -> None:
    tokens = encoder(["cat", "a cat and a dog"])
    assert tokens.shape == (2, SPEC.length, SPEC.dim)
    assert tokens[0, :1].abs().sum() > 0 and not tokens[0, 1:].any()
    assert tokens[1, 4].abs().sum() > 0 and not tokens[1, 5:].any()


def test_a_batch_is_what_its_prompts_are_alone(encoder: PocketText) -> None:
    prompts = ["a cat", "a dog in the meadow", ""]
    together = encoder(prompts)
    for row, prompt in enumerate(prompts):
        assert torch.allclose(encoder([prompt])[0], together[row], atol=1e-5)


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_no_prompt_fails(encoder: PocketText, prompt: str) -> None:
    tokens = encoder([prompt])
    assert tokens.shape == (1, SPEC.length, SPEC.dim)
    assert torch.isfinite(tokens).all()
