"""The kinds of news articles that teach common knowledge: texts with slots (`demo.sample.news`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """A kind of article: possible titles, and for each paragraph the possible texts."""

    titles: tuple[str, ...]
    paragraphs: tuple[tuple[str, ...], ...]


# What stands at the end of the articles that do not themselves teach.
KNOWN = (
    "Did you know? {fact3} {advice3}",
    "Good to know: {fact3} {advice3}",
    "Our readers ask what they can learn today. {fact3} {advice3}",
)


QUIZ = Template(
    titles=("The {town} quiz", "Quiz of the day in {town}", "Questions and answers from {town}"),
    paragraphs=(
        (
            "Every {day}, the people of {town} meet for a quiz. {person} reads the questions.",
            "On {day}, {person} held a quiz in {town}, and {number} people came.",
            "{person} asks, and {town} answers. Here is the quiz of this {day}.",
        ),
        ("{quiz1}\n\n{quiz2}\n\n{quiz3}\n\n{quiz4}\n\n{quiz5}",),
        (
            "The winner was {friend}, who won a basket of fruit.",
            "{friend} knew every answer, and the people clapped.",
            "The next quiz is on {day}, in the town hall.",
        ),
    ),
)

ADVICE = Template(
    titles=("{first} gives advice", "Good advice from {town}", "How to do it, by {person}"),
    paragraphs=(
        (
            "{person} of {town} has good advice for every home.",
            "Many people write to {person}, and {first} answers all of them.",
            "In {town}, everybody asks {person} how things are done.",
        ),
        ("{advice1} {advice2}", '{first} said, "{advice1} {advice2}"'),
        ("{advice3} {advice4}", '"And one more thing," said {first}. "{advice3} {advice4}"'),
        (
            "{friend} said the advice was good, and the work is now easy.",
            "Next week, {first} will give more advice in the town hall.",
            "With the right tool, the work is soon done.",
        ),
    ),
)

SCHOOL = Template(
    titles=("A day at the school of {town}", "What the children of {town} learn", "School news"),
    paragraphs=(
        (
            "On {day}, {person} came to the school of {town} and talked to the children.",
            "The school of {town} has a new teacher, {person}, and the children like the lessons.",
            "This {day}, {number} children of {town} had a lesson with {person}.",
        ),
        ('"{fact1} {fact2}" said the teacher.', "They learned much. {fact1} {fact2}"),
        ("{fact3} {fact4}", 'A child said, "{fact3}" Another said, "{fact4}"'),
        (
            "After the lesson, the children played in the garden.",
            "The children wrote it all down, and then they went home.",
            '"I want to know more," said {friend}, who is nine years old.',
        ),
    ),
)

TRADER = Template(
    titles=("A {trade} in {town}", "{person}, {trade} of {town}", "The {product} of {town}"),
    paragraphs=(
        (
            "{person} is a {trade} in {town}. A {trade} makes {product}.",
            "The new {trade} of {town} is {person}, who makes {product} all day.",
            "In {town}, {person} has worked as a {trade} for {number} years.",
        ),
        (
            "{first} works with {tool}. The {product} are made from {material}, says {first}.",
            '"A {trade} needs {tool}," said {first}, "and good {material}."',
            "A {trade} works with {tool} and {material}, and so does {first}.",
        ),
        (
            "On {day}, people come from {other} to buy {product}. {fact1}",
            "{friend} buys {product} from {first} every {day}. {fact1}",
        ),
        (
            '"I like the work," said {first}. {fact2}',
            "The work is hard, but {first} is happy. {fact2}",
        ),
        KNOWN,
    ),
)

# Lists, titles, capitals and postscripts: a model that never reads on in such forms loses them.
BOARD = Template(
    titles=("The notice board of {town}", "Small notices from {town}", "Notes from {town}"),
    paragraphs=(
        (
            "<<{town} today>>",
            "<<Notes of {day}>>",
            "<<A {trade}>>",
        ),
        (
            "* {fact1}\n\n* {fact2}\n\n* {fact3}",
            "* {person} has lost a {animal}.\n\n* {fact2}\n\n* {advice1}",
        ),
        (
            "{loud1} {loud2}",
            "{quiet1} {quiet2}",
        ),
        (
            "As all people in the town know, {friend} needs help. {fact4}",
            "All people in the town know that {friend} needs help. {fact4}",
            '"{fact4} {advice2}"',
        ),
        (
            "P.S. Thank you for the letters. Have a good day.",
            "P.S. {friend} has the key. That is all I know.",
            "{advice3} I hope this helps.",
        ),
    ),
)
