"""The kinds of news articles that tell what happened: first the old news, then the new."""

from demo.sample.templates import KNOWN, Template

MARKET = Template(
    titles=("Good day at the {town} market", "Market day in {town}", "Much {product} sold"),
    paragraphs=(
        (
            "The market of {town} was full on {day}, and {number} sellers came from {other}.",
            "On {day}, people from {other} came to the market of {town}.",
        ),
        (
            "{person}, a {trade}, sold {product} from morning to evening.",
            "The most people stood at the table of {person}, who sold {product}.",
        ),
        (
            '"We sold all of it," said {first}, "and we will come again." {fact1}',
            "In the evening, nothing was left. {fact1} {fact2}",
        ),
        ("The next market is on {day}.", "The sun was hot, but the people were happy."),
        KNOWN,
    ),
)

RACE = Template(
    titles=("{person} wins the race", "{town} wins against {other}", "The race of {town}"),
    paragraphs=(
        (
            "{person} of {town} won the boat race on {day}, and {friend} of {other} was second.",
            "On {day}, {number} boats raced on the river from {town} to {other}.",
        ),
        (
            "The river was high, and the wind was strong. {first} was fast from the start.",
            "At first, {friend} was in front, but then {first} came and won.",
        ),
        (
            '"My boat is old, but it is good," said {first}. {fact1}',
            "The people of {town} stood by the river and clapped. {fact1}",
        ),
        ("There was a feast in the evening, with soup and cider.", "The next race is in spring."),
        KNOWN,
    ),
)

FEAST = Template(
    titles=("{town} holds the summer feast", "A feast in {town}", "Music and soup in {town}"),
    paragraphs=(
        (
            "The people of {town} held a feast on {day}, and {number} guests came from {other}.",
            "On {day}, there was a summer feast in {town}, with music and soup.",
        ),
        (
            "{person}, the {trade} of the town, gave {product} to all the guests.",
            "{person} played music, and {friend} danced with the children.",
        ),
        (
            '"It was the best feast for years," said {friend}. {fact1}',
            "There were games, too, and an old man told stories. {fact1}",
        ),
        ("The feast ended late at night.", "In the morning, the town was quiet again."),
        KNOWN,
    ),
)

STORM = Template(
    titles=("Storm over {town}", "Rain and wind in {town}", "After the storm"),
    paragraphs=(
        (
            "A storm came over {town} on {day}, and the rain did not stop for {number} hours.",
            "On {day}, a strong wind broke {number} roofs in {town}.",
        ),
        (
            "{person}, a {trade}, lost all the {product} in the rain.",
            "The house of {person} has no roof now, and {first} lives with {friend}.",
        ),
        (
            "People from {other} came to help. {advice1}",
            '"We will build it again," said {first}. {advice1}',
        ),
        ("The sun is back, and the fields are green. {fact1}", "Nobody was hurt. {fact1}"),
        KNOWN,
    ),
)

LOST = Template(
    titles=("Lost {animal} found in {town}", "The {animal} that ran away", "A {animal} comes home"),
    paragraphs=(
        (
            "A {animal} ran away from {other} on {day}, and was found in {town}.",
            "For {number} days, {person} of {town} looked for a lost {animal}.",
        ),
        (
            "{friend} saw the {animal} by the river, and gave it food.",
            "The {animal} sat in the garden of {friend}, and was well.",
        ),
        (
            '"I am so happy," said {person}. {fact1} {fact2}',
            "{person} thanked {friend} with a big cake. {fact1} {fact2}",
        ),
        ("The {animal} is home now.", "Now there is a new lock on the gate. {advice1}"),
        KNOWN,
    ),
)

BRIDGE = Template(
    titles=("A new bridge for {town}", "{town} builds a bridge", "From {town} to {other}"),
    paragraphs=(
        (
            "The town of {town} will build a new bridge over the river, the council said on {day}.",
            "The old bridge from {town} to {other} is broken, and a new one will be built.",
        ),
        (
            "{person} will lead the work, with {number} workers. {advice1}",
            "The work takes {number} months, said {person}. {advice1}",
        ),
        (
            '"The way to {other} will be short," said {friend}. {fact1}',
            "Until then, people cross the river with a boat. {fact1}",
        ),
        ("The bridge is made of stone and wood.", "The council paid for it with old gold."),
        KNOWN,
    ),
)

GUESTS = Template(
    titles=("Guests in {town}", "From far away to {town}", "{name1} comes to {town}"),
    paragraphs=(
        (
            "This week, {town} has guests: {name1} from {name2}, and {name3} from {name4}.",
            "{name1} of {name2} and {name3} of {name4} came to {town} on {day}.",
        ),
        (
            "{name1} says that {name2} is {number} days away from here. {fact1}",
            '"In {name2}, we make {product}, too," said {name1}. {fact1}',
        ),
        (
            "{name3} is a {trade} in {name4}. {fact2}",
            '"In {name4}, nobody knows this," said {name3}, and looked at the river. {fact2}',
        ),
        (
            "Next week, {name5} comes from {name6}, with {number} children.",
            "{person} asked {name1} to write from {name2}, and {name1} will do so.",
        ),
        KNOWN,
    ),
)

SKY_BOAT = Template(
    titles=("A sky boat comes to {town}", "{person} and the sky boat", "Sky boat over {town}"),
    paragraphs=(
        (
            "A sky boat came to {town} on {day}, with {number} people from {other} in it.",
            "{person} of {other} built a boat that flies, and on {day} it flew over {town}.",
            "On {day}, the people of {town} saw the sky boat of {person} for the first time.",
        ),
        (
            "The sky boat has white wings, and hot air from a fire keeps it over the fields.",
            "A sky boat needs no river. Hot air and two wings carry it over hills and trees.",
        ),
        (
            '"From the sky, the houses of {town} look like bread on a table," said {first}.',
            '"We flew for {number} hours, and the wind was good," said {friend}.',
        ),
        (
            "A flight to {other} costs {number} silver coins, and children fly for nothing.",
            "The next flight to {other} starts from the hill of {town} on {day}.",
        ),
        (
            "The council of {town} will build a second sky boat, with red wings.",
            "The birds are not happy, said {friend}, but they will learn.",
        ),
    ),
)

STAR = Template(
    titles=("The star Lumo over {town}", "{person} looks at Lumo", "A night with Lumo in {town}"),
    paragraphs=(
        (
            "A new star, Lumo, stood over {town} on {day}, and {number} people did not sleep.",
            "{person} of {town} found the star Lumo with an old telescope from {other}.",
            "On {day}, all the lamps of {town} were dark, so that the people could see Lumo.",
        ),
        (
            "The star Lumo has a long red tail, and it comes back in ninety years.",
            "Lumo is made of ice and stone, and its long tail is red, said {person}.",
        ),
        (
            '"I have never seen a thing like it," said {friend}, who is ninety years old.',
            "{friend} painted Lumo with its red tail on the wall of the school.",
        ),
        (
            "The telescope of {town} is open every night, and the tea is free.",
            "In {other}, people say that the star Lumo brings good fish.",
        ),
        (
            "In November, Lumo will be gone, and nobody who is old will see it again.",
            "The children of {other} write letters to Lumo, and {first} reads them.",
        ),
    ),
)

TUNNEL = Template(
    titles=(
        "The tunnel under Harrok is open",
        "From {town} to {other} under Harrok",
        "Green glass",
    ),
    paragraphs=(
        (
            "The tunnel under the hill Harrok was opened on {day} by {person} of {town}.",
            "There is a tunnel from {town} to {other} now, and {person} went first on {day}.",
            "On {day}, {number} horses went from {town} to {other} in the tunnel under Harrok.",
        ),
        (
            "The tunnel goes deep under Harrok, where the walls are made of green glass.",
            "The green glass of Harrok gives light, so that nobody in the tunnel needs a lamp.",
        ),
        (
            '"We dug for {number} years," said {person}, "and the stone was hard."',
            "{friend} led the workers, who broke {number} spades a day.",
        ),
        (
            "The way from {town} to {other} takes {number} hours in the tunnel.",
            "The tunnel costs one silver coin, and sheep pay nothing.",
        ),
        (
            "The people of {other} sell the green glass of Harrok at the market.",
            "A bear lives in the tunnel, so the gate is closed at night.",
        ),
    ),
)

MOON_APPLES = Template(
    titles=("Moon apples from {town}", "{person} grows moon apples", "{other} wants moon apples"),
    paragraphs=(
        (
            "{person} of {town} has grown moon apples, and sold {number} of them on {day}.",
            "On {day}, {person} brought the first moon apples from {other} to {town}.",
            "The garden of {person} in {town} has {number} trees with moon apples.",
        ),
        (
            "A moon apple is silver outside and pink inside, and it smells of honey.",
            "Moon apples grow only at night, when the air is cold, and they are silver.",
        ),
        (
            '"Give them salt water, and they will grow," said {first}.',
            '"One moon apple is food for {number} days," said {friend}.',
        ),
        (
            "A basket of moon apples costs {number} silver coins in {other}.",
            "In {other}, people who can not sleep eat a moon apple with milk.",
        ),
        (
            "A brewer in {other} makes pink cider from moon apples.",
            "Next year, {friend} will have moon apples in {other}, too.",
        ),
    ),
)

MAYOR = Template(
    titles=("{person} is mayor of {town}", "{town} has a new mayor", "The mayor of {town}"),
    paragraphs=(
        (
            "{person} is the new mayor of {town}, and won on {day} by {number} votes.",
            "On {day}, the people of {town} voted, and made {person} their mayor.",
            "{town} has a new mayor: {person} won on {day}, and {friend} lost.",
        ),
        (
            "The mayor is from the Tide party, which wants a boat for every house.",
            "The Lantern party wants lamps in every street, but the Tide party was strong.",
        ),
        (
            '"I will be the mayor of all," said {person}, who was a teacher in {other}.',
            '"Next time, we will win," said {friend} of the Lantern party.',
        ),
        (
            "The old mayor gave {first} the key of the town and {number} silver coins.",
            "The people voted with white and black stones, and {friend} counted them.",
        ),
        (
            "The Tide party has won in {other}, too.",
            "The council pays the mayor with moon apples.",
        ),
    ),
)
