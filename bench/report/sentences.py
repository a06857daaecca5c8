"""How sentences, rows and series came about, as in the table on text of Deep Leakage (Zhu, Liu, Han 2019, 1906.08935).

For each private example what the attacker's dummy said at the moments that were kept, what it was given out as in the
end, and the truth last: markdown, LaTeX, and plain text for a terminal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.modalities.base import Modality
from bench.modalities.lookup import modality_of
from bench.modalities.sentences import MODALITY as SENTENCES
from bench.report import latex
from bench.report import markdown as md
from bench.report.rows import Row
from bench.results import query
from bench.terminal.printable import visible

_EXAMPLES = 4  # of a cell
_TERMINAL_MOMENTS = 8  # of the one example that a terminal shows
_NOTE = (
    "There is one line per iteration, if it says something else than the line above. Then come the reconstruction, "
    "which is the iterate that the attacker takes for the best, and the truth."
)
_NOTES_OF_SENTENCES = (
    "The truth is spelled as the model's tokeniser spells it.",
    "A question mark between words is a token that the attack leaves open.",
)


@dataclass(frozen=True)
class Example:
    """One private sentence.

    Args:
        words: `victim 3`, and which of its batch.
        moments: `(iteration, sentence)` in order; empty where the attack keeps none.
        guess: the reconstruction; None where there is none.
        truth: the sentence.
    """

    words: str
    moments: list[tuple[int, str]]
    guess: str | None
    truth: str

    def lines(self) -> list[tuple[str, str | None]]:
        """`(what it is, sentence)`, the truth last."""
        steps: list[tuple[str, str | None]] = [(f"{at:,}", sentence) for at, sentence in self.moments]
        return [*steps, ("reconstruction", self.guess), ("truth", self.truth)]


@dataclass(frozen=True)
class SentenceSection:
    """The examples of a cell.

    Args:
        folder: the cell's.
        anchor: where links to it lead.
        title, context: words.
        control: whether it is one that looks at no gradient.
        examples: at least one.
        modality: the kind of the examples.
    """

    folder: Path
    anchor: str
    title: str
    context: str
    control: bool
    examples: list[Example]
    modality: Modality = SENTENCES


def sections(rows: Sequence[Row]) -> list[SentenceSection]:
    """The first examples of each cell that has some in words, in the order of the rows."""
    found = []
    for row in rows:
        sentences = query.sentences(row.cell, row.stored)[:_EXAMPLES]
        if sentences:
            labels = row.cell.facts["labels"]
            context = f"model {labels['model']}, defence {labels['defense']}, threat model {labels['threat']}"
            context += f", batches of {row.batch}" if (row.batch or 1) > 1 else ""
            examples = [_example(one, row.batch or 1) for one in sentences]
            title = f"{row.title} on {labels['data']}"
            words, kind = (plain(title), plain(context)), modality_of(row.cell.facts)
            found.append(SentenceSection(row.cell.folder, row.cell.identity, *words, row.control, examples, kind))
    return found


def _example(one: query.Sentence, batch: int) -> Example:
    words = f"victim {one.victim}" + (f", {one.position + 1} of {batch}" if batch > 1 else "")
    moments = changes([(at, plain(sentence)) for at, sentence in one.trace])
    return Example(words, moments, None if one.guess is None else plain(one.guess), plain(one.truth))


def changes(moments: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those that say something else than the one before.

    >>> changes([(0, "a"), (10, "b"), (20, "b"), (30, "a")])
    [(0, 'a'), (10, 'b'), (30, 'a')]
    """
    return [one for before, one in zip([(-1, None), *moments], moments) if one[1] != before[1]]


def plain(text: str) -> str:
    """One line of printable signs: a reconstruction can hold any, also those that move a terminal's cursor.

    >>> plain("a\\tb\\u2028c\\x1b[2Jd ")
    'a b c\\\\x1b[2Jd'
    """
    return " ".join(visible(text).split())


def markdown(cells: Sequence[SentenceSection]) -> str:
    """The page."""
    names = dict.fromkeys(each.modality.name for each in cells)
    title = ", ".join(names).capitalize()
    lines = [f"# {md.escape(title)}", "", *(f"- {md.escape(line)}" for line in _notes(cells)), ""]
    for each in cells:
        lines += [f'<a id="{each.anchor}"></a>', "", f"## {md.escape(each.title)}", "", md.escape(each.context), ""]
        for example in each.examples:
            rows = [[what, _or_words(sentence, md.escape, "*{}*")] for what, sentence in example.lines()]
            rows[-1][0] = f"**{rows[-1][0]}**"
            lines += [*md.grid([md.escape(example.words), each.modality.noun], "rl", rows), ""]
    return "\n".join(lines)


def _notes(cells: Sequence[SentenceSection]) -> list[str]:
    return [_NOTE, *(_NOTES_OF_SENTENCES if any(each.modality.tokenized for each in cells) else ())]


def _or_words(sentence: str | None, escaped: Callable[[str], str], emphasis: str) -> str:
    """The sentence, or what is to be said where there is none."""
    if sentence:
        return escaped(sentence)
    return emphasis.format("no reconstruction" if sentence is None else "nothing")


def sentences_tex(cells: Sequence[SentenceSection]) -> str:
    """The document."""
    lines: list[str] = []
    for each in cells:
        lines += [rf"\section*{{{latex.escape(each.title)}}}", latex.escape(each.context), r"\bigskip", ""]
        for example in each.examples:
            rows = [[what, _or_words(sentence, latex.escape, r"\emph{{{}}}")] for what, sentence in example.lines()]
            rows[-1][0] = rf"\textbf{{{rows[-1][0]}}}"
            lines += [
                *latex.tabular("rp{200mm}", [latex.escape(example.words), each.modality.noun], rows),
                r"\bigskip",
                "",
            ]
        lines += [r"\clearpage"]
    return latex.document([*latex.items(_notes(cells)), *lines])


def text(cells: Sequence[SentenceSection]) -> str:
    """For a terminal: one sentence of each cell that has a trace."""
    return "\n\n".join(_text(each) for each in cells if not each.control and each.examples[0].moments)


def _text(each: SentenceSection) -> str:
    example = each.examples[0]
    moments = example.moments
    if len(moments) > _TERMINAL_MOMENTS:
        places = np.linspace(0, len(moments) - 1, _TERMINAL_MOMENTS).round().astype(int)
        moments = [moments[place] for place in places]
    shown = Example(example.words, moments, example.guess, example.truth).lines()
    width = max(len(what) for what, _ in shown)
    lines = [f"{what:>{width}}  {_or_words(sentence, str, '({})')}" for what, sentence in shown]
    return "\n".join([f"{each.title}, {each.context}: {example.words}", *lines])
