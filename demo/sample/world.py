"""What there is in the invented world: trades, animals, colours, and what one does with which tool.

Few words, because models of one or two million parameters have to learn them within minutes.
How these things are said and asked is in `demo.sample.facts`, what happens, and when, in
`demo.sample.news`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trade:
    """A trade, what it makes, with which tool, from what."""

    name: str
    product: str
    tool: str
    material: str


@dataclass(frozen=True)
class Animal:
    """An animal, what it eats, where it lives."""

    name: str
    food: str
    home: str


TRADES = tuple(
    Trade(*line.split())
    for line in """
    baker bread oven flour
    carpenter tables saw wood
    smith nails hammer iron
    tailor coats needle cloth
    potter bowls wheel clay
    weaver rugs loom wool
    painter pictures brush paint
    printer books press paper
    cobbler shoes awl leather
    mason walls trowel stone
    cook soup pot vegetables
    miller flour mill wheat
    brewer cider tub apples
    chandler candles mould wax
    jeweller rings file gold
    thatcher roofs ladder straw
    hatter hats scissors felt
    shipwright boats axe oak
    """.strip().splitlines()
)

ANIMALS = tuple(
    Animal(*line.split())
    for line in """
    cow grass barn
    horse hay stable
    hen corn coop
    bee nectar hive
    dog meat kennel
    cat mice basket
    goat leaves pen
    bear berries cave
    bird seeds nest
    frog flies pond
    rabbit carrots burrow
    whale fish sea
    """.strip().splitlines()
)

GIFTS = {"cow": "milk", "sheep": "wool", "hen": "eggs", "bee": "honey", "tree": "wood"}

COLOURS = {
    "snow": "white",
    "grass": "green",
    "coal": "black",
    "the sun": "yellow",
    "the sky": "blue",
    "a cherry": "red",
    "a carrot": "orange",
}

SENSES = {"see": "eyes", "hear": "ears", "smell": "nose", "walk": "feet", "hold things": "hands"}

# What happens, as a statement and as a question, and when.
SEASONS = (
    ("the snow falls", "does the snow fall", "winter"),
    ("the flowers open", "do the flowers open", "spring"),
    ("the sun is hot", "is the sun hot", "summer"),
    ("the leaves fall", "do the leaves fall", "autumn"),
)

# What one wants to do, and the thing to do it with.
METHODS = {
    "cut wood": "a saw",
    "drive a nail": "a hammer",
    "dig a hole": "a spade",
    "sweep the floor": "a broom",
    "eat soup": "a spoon",
    "carry water": "a bucket",
    "write a letter": "a pen",
    "sew a coat": "a needle",
    "catch a fish": "a net",
    "open a lock": "a key",
    "dry your hands": "a towel",
    "light a dark room": "a lamp",
    "fry an egg": "a pan",
    "bake bread": "an oven",
    "boil water for tea": "a kettle",
    "paint a wall": "a brush",
    "reach a roof": "a ladder",
    "stay dry in the rain": "an umbrella",
    "tell the time": "a clock",
    "wash your face": "soap",
    "tie a box": "a rope",
    "cross the river": "a boat",
    "see far away": "a telescope",
    "cut paper": "scissors",
    "tidy your hair": "a comb",
    "call the children": "a bell",
    "weigh flour": "a scale",
    "find the way": "a map",
    "keep your head warm": "a hat",
    "keep your feet dry": "boots",
    "make a fire": "a match",
    "move hay": "a fork",
    "turn wheat into flour": "a mill",
    "sleep well": "a bed",
    "mend a broken plate": "glue",
    "fell a tree": "an axe",
}
