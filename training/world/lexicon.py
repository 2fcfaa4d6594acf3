"""The names of the toy world: objects, scenes, what things do, the weather, and what all of that is called.

Every object's entry is (canonical name, character or None, synonyms). The core objects are the ones that a model must
know well; the extra ones give variety, so that a model learns to move what it has rarely or never seen.
"""

from __future__ import annotations

from typing import NamedTuple

from flowbrush.models.text.scenes import SCENES as SCENES


class Noun(NamedTuple):
    name: str
    glyph: str
    synonyms: tuple[str, ...]


def _nouns(table: str) -> tuple[Noun, ...]:
    rows = (line.split("|") for line in table.strip().splitlines())
    return tuple(
        Noun(name.strip(), glyph.strip(), tuple(s.strip() for s in rest.split(",") if s.strip()))
        for glyph, name, rest in rows
    )


CORE = _nouns("""
⚽|soccer ball|football, ball
🏀|basketball|orange ball
🍎|apple|red apple, fruit
🍌|banana|bananas
🍓|strawberry|berry
🍉|watermelon|melon
🍕|pizza|slice of pizza
🍔|burger|hamburger, cheeseburger
🍩|donut|doughnut
🎂|cake|birthday cake
🍄|mushroom|toadstool
🌻|sunflower|yellow flower
🌹|rose|red flower
🌵|cactus|cacti
🌳|tree|oak
🎃|pumpkin|jack-o-lantern
🐶|dog|puppy, hound
🐱|cat|kitten, kitty
🐰|rabbit|bunny, hare
🦊|fox|vixen
🐻|bear|brown bear
🐼|panda|panda bear
🐸|frog|toad
🐷|pig|piglet
🐵|monkey|ape
🐧|penguin|penguins
🦉|owl|night owl
🐢|turtle|tortoise
🐠|fish|tropical fish
🐙|octopus|squid
🦀|crab|lobster
🦋|butterfly|moth
🐝|bee|honeybee, bumblebee
🐞|ladybug|ladybird, beetle
🚗|car|red car, automobile
🚌|bus|coach
🚀|rocket|spaceship, rocket ship
⛵|sailboat|boat, sailing boat, yacht
🎈|balloon|red balloon
⭐|star|yellow star
⛄|snowman|snow man
🏠|house|home, cottage
🦆|duck|mallard
🤖|robot|android
""")

EXTRA = _nouns("""
🍊|orange|tangerine
🍋|lemon|
🍇|grapes|
🍒|cherries|cherry
🍑|peach|
🍍|pineapple|
🥝|kiwi|
🥑|avocado|
🍆|eggplant|aubergine
🌽|corn|
🥕|carrot|
🍞|bread|loaf
🧀|cheese|
🍦|ice cream|
🧁|cupcake|
🍪|cookie|biscuit
🌷|tulip|
🌲|pine tree|fir
🌴|palm tree|palm
🐭|mouse|
🐹|hamster|
🐨|koala|
🐯|tiger|
🦁|lion|
🐮|cow|
🐔|chicken|hen
🐤|chick|
🦅|eagle|
🐴|horse|
🦄|unicorn|
🐛|caterpillar|
🐌|snail|
🐬|dolphin|
🐳|whale|
🦈|shark|
🐘|elephant|
🦒|giraffe|
🚕|taxi|cab
🚓|police car|
🚑|ambulance|
🚒|fire engine|fire truck
🚜|tractor|
🚲|bicycle|bike
🛵|scooter|
🚁|helicopter|
🛸|flying saucer|ufo
⚓|anchor|
🎁|gift|present
🎸|guitar|
🎺|trumpet|
🥁|drum|
🏆|trophy|
🎩|top hat|hat
👑|crown|
💎|diamond|gem
🔔|bell|
🔑|key|
🕰|clock|
☂|umbrella|
🎲|die|dice
🧸|teddy bear|teddy
👻|ghost|
👽|alien|
💡|light bulb|lamp
🏈|american football|
🎾|tennis ball|
🎳|bowling|
🔥|fire|campfire, flames
""")

SHADOWLESS = frozenset({"under water", "night"})

STRANGE = """
dragon dinosaur otter kangaroo boy girl king queen wizard pirate ninja astronaut dancer
chef doctor angel mermaid vampire zombie monster submarine tank
sword shield bottle glass cup mug plate fork spoon knife chair sofa bed desk book pencil pen paper computer phone camera radio
television candle ladder bridge tower temple windmill lighthouse tent fence mailbox bench fountain statue flag mountain
volcano island river waterfall cave forest jungle garden farm village rainbow tornado lightning smoke kite drone violin piano
sandwich noodles sushi soup egg salad potato onion tomato pepper garlic bean nut chocolate candy popcorn milk juice tea wine beer
shirt dress shoe boot sock glove scarf ring necklace bag basket barrel bucket rope chain wheel gear magnet battery rock stone
""".split()  # fmt: skip
"""Words for things that the world does not have, nor anything near them (`models.text.near_words`): what a caption calls so is
not to be seen.
"""

COUNTS = {2: "two", 3: "three"}
