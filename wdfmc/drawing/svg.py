"""The life cycle as a picture that opens in any browser, light or dark, and needs no other program.

Fonts differ between machines, so boxes are wide enough for wide ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Final
from xml.sax.saxutils import escape

from wdfmc.drawing.layered import Link, Placed, Point, Size, layered
from wdfmc.drawing.words import Arrow, arrows, drawn, final, heading, notes
from wdfmc.lifecycle import Life, LifeCycle

FONT: Final = 13.0  # pixels, of states
SMALL: Final = 11.0  # of labels and notes
TITLE: Final = 15.0
NARROWEST: Final = 420.0  # a picture, so that the notes have room
WIDE: Final = 0.6  # of the height of a font: the width of a character
LINE: Final = 1.35  # the height of a line, likewise
PORT: Final = 16.0  # between two lines at a state
GAP: Final = Size(26.0, 26.0)
MARGIN: Final = 20.0
MOST_LINES: Final = 14  # of a label; what is left out is in its tool tip, and in the other forms
MOST_CHARACTERS: Final = 44
STYLE: Final = """\
svg { background: #ffffff; }
text { font-family: Helvetica, Arial, sans-serif; fill: #1a1a1a; }
.title { font-size: 15px; font-weight: bold; }
.heading { font-size: 13px; font-weight: bold; }
.note { font-size: 11px; fill: #505050; }
.state { font-size: 13px; text-anchor: middle; }
.label { font-size: 11px; }
.box { fill: #eef3fb; stroke: #2f5d9b; stroke-width: 1.5; }
.inner { fill: none; stroke: #2f5d9b; }
.initial { stroke-dasharray: 5 3; }
.line { fill: none; stroke: #404040; stroke-width: 1.3; }
.tip { fill: #404040; }
.never text, text.never { fill: #767676; }
.never .box, .box.never { fill: #f6f6f6; stroke: #c0c0c0; }
.never .line { stroke: #b0b0b0; stroke-dasharray: 4 3; }
.never .tip { fill: #b0b0b0; }
@media (prefers-color-scheme: dark) {
  svg { background: #16191d; }
  text { fill: #e6e6e6; }
  .note { fill: #b4b4b4; }
  .box { fill: #1f2c40; stroke: #7fa8de; }
  .inner { stroke: #7fa8de; }
  .line { stroke: #c8c8c8; }
  .tip { fill: #c8c8c8; }
  .never text, text.never { fill: #929292; }
  .never .box, .box.never { fill: #202327; stroke: #565656; }
  .never .line { stroke: #6c6c6c; }
  .never .tip { fill: #6c6c6c; }
}
"""


def render(cycle: LifeCycle, model: str) -> str:
    title = f"{model}: driver {cycle.driver}"
    pictures = [picture(life, model) for life in cycle.lives]
    width = max([*(p.size.width for p in pictures), wide(title, TITLE), NARROWEST])
    said = [line for note in notes(cycle) for line in wrap(note, int(width / (SMALL * WIDE)))]
    body = [f'<text class="title" x="{MARGIN:g}" y="{MARGIN + 14:g}">{escape(title)}</text>']
    y = MARGIN + 24
    for one in pictures:
        body += [f'<g transform="translate({MARGIN:g} {y:g})">', *one.lines, "</g>"]
        y += one.size.height + MARGIN
    for line in said:
        y += SMALL * LINE
        body.append(f'<text class="note" x="{MARGIN:g}" y="{y:g}">{escape(line)}</text>')
    size = Size(round(width + 2 * MARGIN), round(y + MARGIN))
    return "\n".join([*head(size, title, described(cycle, model)), *body, "</svg>"]) + "\n"


def head(size: Size, title: str, description: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size.width:g}" height="{size.height:g}" '
        f'viewBox="0 0 {size.width:g} {size.height:g}" role="img" aria-labelledby="title description">'
    )
    yield f'<title id="title">{escape(title)}</title>'
    yield f'<desc id="description">{escape(description)}</desc>'
    yield f"<style>\n{STYLE}</style>"


def described(cycle: LifeCycle, model: str) -> str:
    """The picture in words, for who cannot see it."""
    found = []
    for life in cycle.lives:
        told = [
            f"{arrow.before} to {arrow.after}{'' if arrow.taken else ' (never)'}: {'; '.join(arrow.labels)}"
            for arrow in arrows(life, model)
        ]
        found.append(f"{heading(life)}: {'. '.join(told)}.")
    return " ".join([*found, *notes(cycle)])


# ---------------------------------------------------------------- one kind of request


@dataclass(frozen=True, slots=True)
class Picture:
    lines: tuple[str, ...]
    size: Size


def picture(life: Life, model: str) -> Picture:
    found = arrows(life, model)
    names = sorted(drawn(life), key=lambda state: state != life.initial)
    sizes = {name: Size(max(wide(name, FONT) + 24, ports(name, found) * PORT, 64.0), 30.0) for name in names}
    drawing = layered(sizes, [Link(arrow.before, arrow.after, box(label(arrow))) for arrow in found], GAP)
    top = 28.0
    lines = [f'<text class="heading" x="0" y="14">{escape(heading(life))}</text>']
    lines.append(f'<g transform="translate(0 {top:g})">')
    for arrow, placed in zip(found, drawing.links, strict=True):
        lines += arrow_lines(arrow, placed)
    for name in names:
        lines += state_lines(life, name, drawing.nodes[name], sizes[name])
    lines.append("</g>")
    aside = [state for state in life.states if state not in names]
    width, below = drawing.size.width, top + drawing.size.height
    more, size = aside_lines(aside, max(width, NARROWEST), below + GAP.height)
    return Picture((*lines, *more), Size(max(width, size.width, wide(heading(life), FONT)), size.height))


def ports(name: str, found: Sequence[Arrow]) -> int:
    """How many lines there may be at one side of a state."""
    return sum(name in (arrow.before, arrow.after) for arrow in found)


def label(arrow: Arrow) -> list[str]:
    """Long lines are cut at the colon, so that who does it stands above what is done."""
    lines: list[str] = []
    for words in arrow.labels:
        who, colon, what = words.partition(": ")
        lines += [who + ":", f"  {what}"] if colon and len(words) > MOST_CHARACTERS else [words]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(arrow.labels) - MOST_LINES + 1} more"]
    return lines


def box(lines: Sequence[str]) -> Size:
    return Size(max(wide(line, SMALL) for line in lines) + 8, len(lines) * SMALL * LINE + 6)


def wide(text: str, font: float) -> float:
    return len(text) * font * WIDE


def state_lines(life: Life, name: str, at: Point, size: Size) -> Iterator[str]:
    never = "" if name in life.reached else " never"
    initial = " initial" if name == life.initial else ""
    x, y = at.x - size.width / 2, at.y - size.height / 2
    yield rectangle(f"box{never}{initial}", x, y, size)
    if name in final(life):
        yield rectangle("inner", x + 3, y + 3, Size(size.width - 6, size.height - 6))
    yield f'<text class="state{never}" x="{at.x:.1f}" y="{at.y + FONT * 0.35:.1f}">{escape(name)}</text>'


def rectangle(looks: str, x: float, y: float, size: Size) -> str:
    return f'<rect class="{looks}" x="{x:.1f}" y="{y:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="8"/>'


def arrow_lines(arrow: Arrow, placed: Placed) -> Iterator[str]:
    """The line is drawn in pieces, between the ends and the label, so that nothing runs through the words."""
    yield "<g>" if arrow.taken else '<g class="never">'
    told = "\n".join(arrow.labels)
    yield f"<title>{escape(f'{arrow.before} to {arrow.after}')}: {escape(told)}</title>"
    yield f'<path class="line" d="{path(placed)}"/>'
    yield tip(placed.points)
    lines = label(arrow)
    size = box(lines)
    x = placed.box.x - size.width / 2 + 4
    y = placed.box.y - size.height / 2 + SMALL
    for at, words in enumerate(lines):
        indent = len(words) - len(words.lstrip())
        place = f'x="{x + indent * SMALL * WIDE:.1f}" y="{y + 2 + at * SMALL * LINE:.1f}"'
        yield f'<text class="label" {place}>{escape(words.lstrip())}</text>'
    yield "</g>"


def path(placed: Placed) -> str:
    """Curves that are upright at every point; a gap where the box of the label is."""
    words = [f"M {placed.points[0].x:.1f} {placed.points[0].y:.1f}"]
    for one, other in pairwise(placed.points):
        if one == other:
            continue
        if one.x == other.x == placed.box.x and min(one.y, other.y) < placed.box.y < max(one.y, other.y):
            words.append(f"M {other.x:.1f} {other.y:.1f}")
            continue
        if one.x == other.x:
            words.append(f"L {other.x:.1f} {other.y:.1f}")
            continue
        half = (one.y + other.y) / 2
        words.append(f"C {one.x:.1f} {half:.1f} {other.x:.1f} {half:.1f} {other.x:.1f} {other.y:.1f}")
    return " ".join(words)


def tip(points: Sequence[Point]) -> str:
    """Upright, like the line at its end."""
    end = points[-1]
    back = -8.0 if points[0].y < end.y else 8.0
    corners = [(end.x, end.y), (end.x - 4, end.y + back), (end.x + 4, end.y + back)]
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon class="tip" points="{places}"/>'


def aside_lines(states: Sequence[str], width: float, y: float) -> tuple[list[str], Size]:
    """The states that have no part in it, in rows."""
    if not states:
        return [], Size(0.0, y - GAP.height)
    lines = [f'<text class="note" x="0" y="{y:.1f}">never reached:</text>']
    x, y, widest = 0.0, y + 8, 0.0
    for state in states:
        size = Size(wide(state, FONT) + 16, 24.0)
        if x and x + size.width > width:
            x, y = 0.0, y + 32
        lines.append(rectangle("box never", x, y, size))
        middle = f'x="{x + size.width / 2:.1f}" y="{y + 12 + FONT * 0.35:.1f}"'
        lines.append(f'<text class="state never" {middle}>{escape(state)}</text>')
        widest = max(widest, x + size.width)
        x += size.width + 10
    return lines, Size(widest, y + 24)
