"""The page of `wdfmc report` in a real browser: keys, links, light and dark, contrast, paper, and no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium
from wdfmc.checking import Options
from wdfmc.reports.html import render
from wdfmc.review import Review, review
from wdfmc.source import Source

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "models/cancellation/pending_read_no_lock.wdf"
NAME = "models/cancellation/pending_read_no_lock.wdf"

# The ratio of luminances between each text and what lies behind it (WCAG 2.2, 1.4.3), where it is below what is asked.
CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim().slice(0, 40);
    if (!words || !element.checkVisibility() || element.closest("script, template, svg, button:disabled")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(channels(style.color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className}: ${words}`);
  }
  return poor;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def reviewed(*rules: str, text: str | None = None) -> Review:
    source = Source(NAME, WRONG.read_text(encoding="utf-8") if text is None else text)
    return review([source], Options(rules=rules, jobs=1), lambda path, result: None)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with two traces, proofs, and a matrix in which everything can happen."""
    path = tmp_path_factory.mktemp("page") / "several.html"
    rules = ("no-dangling-slot", "no-unmark-after-complete", "no-double-complete", "mark-cancelable-once")
    found = reviewed(*rules)
    matrix = found.matrices[NAME]
    cell = next(cell for cell in matrix.cells.values() if cell.breaches)
    full = {(row.state, event): cell for row in matrix.rows for event in matrix.events}
    path.write_text(render(replace(found, matrices={NAME: replace(matrix, cells=full)})), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one trace."""
    text = WRONG.read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("page") / "single.html"
    found = reviewed("no-dangling-slot", text=re.sub(r"\n *expect .*", "", text))
    report = found.report
    (model,) = report.models
    kept = tuple(result for result in model.results if result.rule == "no-dangling-slot")
    one = replace(found, report=replace(report, models=(replace(model, results=kept),)))
    path.write_text(render(one), encoding="utf-8")
    return path


class Opened:
    """A page, what it said on its console, and what it asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.troubles: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, fragment: str = "") -> Opened:
        self.page.goto(path.as_uri() + fragment)
        return self

    def position(self, trace: str) -> str:
        return str(self.page.text_content(f'[data-trace="{trace}"] .position'))

    def lit(self, trace: str, which: str) -> list[int]:
        lines = self.page.locator(f'[data-trace="{trace}"] [data-source="{which}"] .lit')
        return [int(line.get_attribute("data-line")) for line in lines.all()]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    found = Opened(context.new_page())
    yield found
    context.close()
    assert found.troubles == []
    assert all(url.startswith("file:") for url in found.requests)


def test_keys_step_through_a_trace(opened: Opened, single: Path) -> None:
    page = opened.open(single).page
    trace = "no-dangling-slot"
    last = page.locator(".steps li").count()
    assert opened.position(trace) == f"1 of {last}"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert opened.position(trace) == f"3 of {last}"
    assert page.url.endswith("#step=3")
    page.keyboard.press("ArrowLeft")
    assert page.url.endswith("#step=2")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert opened.position(trace) == f"{last} of {last}"
    page.keyboard.press("Home")
    assert opened.position(trace) == f"1 of {last}"
    assert page.locator('.steps a[aria-current="step"]').count() == 1


def test_everything_can_be_reached_with_the_keyboard_alone(opened: Opened, single: Path) -> None:
    page = opened.open(single).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim()"
            )
        )
        if seen[-1] == "Next step":
            break
    assert "Theme: switch between light and dark" in seen
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert opened.position("no-dangling-slot").startswith("3 of")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent").strip() != "As a table":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_attribute("[data-table]", "aria-expanded") == "true"
    assert page.locator(".as-table table").is_visible()


def test_a_link_leads_to_a_step(opened: Opened, single: Path, several: Path) -> None:
    opened.open(single, "#step=7")
    assert opened.position("no-dangling-slot").startswith("7 of")
    opened.open(several, "#no-unmark-after-complete&step=5")
    assert opened.position("no-unmark-after-complete").startswith("5 of")
    assert opened.position("no-dangling-slot").startswith("1 of")
    assert opened.page.locator('[data-trace="no-unmark-after-complete"]').bounding_box()["y"] < 200
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.url.endswith("#no-unmark-after-complete&step=6")
    last = opened.page.locator('[data-trace="no-dangling-slot"] .steps li').count()
    opened.open(several, "#no-dangling-slot&step=999")
    assert opened.position("no-dangling-slot") == f"{last} of {last}"


def test_a_step_is_told_lit_and_announced(opened: Opened, several: Path) -> None:
    trace = "no-unmark-after-complete"
    page = opened.open(several, f"#{trace}").page
    page.click(f'[data-trace="{trace}"] button:has-text("Race decided")')
    section = page.locator(f'[data-trace="{trace}"]')
    text = WRONG.read_text(encoding="utf-8").splitlines()
    (line,) = opened.lit(trace, "model")
    assert text[line - 1].strip() == "WdfRequestComplete(Request, STATUS_CANCELLED);"
    shown = section.locator('[data-source="library"] .lit').all_text_contents()
    assert any("ddi WdfRequestComplete(r: request" in words for words in shown)
    assert section.locator(".changes").text_content() == "r1.owncancel_run → done"
    assert "r1.own from cancel_run to done" in section.locator("[role=status]").text_content()
    assert page.url.endswith(f"#{trace}&step=15")
    box, lit = (
        section.locator('[data-source="model"] .code').bounding_box(),
        section.locator('[data-source="model"] .lit').bounding_box(),
    )
    assert box["y"] <= lit["y"] <= box["y"] + box["height"]


def test_a_link_can_be_copied(browser: Any, single: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(single.as_uri() + "#step=4")
    page.click("[data-copy]")
    page.wait_for_function("document.querySelector('[data-copy]').textContent === 'Link copied'")
    assert page.evaluate("navigator.clipboard.readText()") == single.as_uri() + "#step=4"
    context.close()


def test_light_and_dark(browser: Any, single: Path) -> None:
    for scheme, other in (("light", "dark"), ("dark", "light")):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(single.as_uri())
        paper = "getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(paper)
        bright = sum(map(int, re.findall(r"\d+", before)[:3])) > 3 * 128
        assert bright == (scheme == "light")
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == other
        assert page.evaluate(paper) != before
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_told_from_its_ground(browser: Any, several: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto(several.as_uri() + "#no-dangling-slot&step=4")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate("document.querySelectorAll('[data-table]').forEach((one) => one.click())")
    assert page.evaluate(CONTRAST) == []
    context.close()


def test_a_narrow_window_needs_no_sideways_scrolling(browser: Any, several: Path) -> None:
    for width in (360, 700, 1100):
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        page.goto(several.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


def test_on_paper_the_steps_are_laid_out(opened: Opened, several: Path) -> None:
    page = opened.open(several).page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".top", ".contents", ".controls", ".beside"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator(".as-table table").first.is_visible()
    heights = page.evaluate(
        "[...document.querySelectorAll('.swim')].map((one) => [one.clientHeight, one.scrollHeight])"
    )
    assert all(shown >= whole - 1 for shown, whole in heights)
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 4


def test_without_scripts_every_step_can_be_read(browser: Any, single: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(single.as_uri())
    assert page.locator(".as-table table").is_visible()
    assert page.locator(".steps li").first.is_visible()
    assert not page.locator(".controls").is_visible()
    context.close()


def test_a_hostile_model_is_harmless(browser: Any, tmp_path: Path) -> None:
    text = WRONG.read_text(encoding="utf-8").replace(
        "r = any of Pending;",
        'if (maybe("<script>window.hacked = 1</script><img src=x onerror=window.hacked=1>")) { return; }\n'
        "r = any of Pending; // </template></script><script>window.hacked = 2</script>",
    )
    found = reviewed("no-dangling-slot", "unmark-only-when-marked", text=text)
    path = tmp_path / "hostile.html"
    path.write_text(render(found), encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(path.as_uri())
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.hacked") is None
    assert dialogs == []
    assert page.locator("img").count() == 0
    assert "<script>window.hacked" in page.content() or "&lt;script&gt;window.hacked" in page.content()
    context.close()


def seconds_to_open(browser: Any, path: Path) -> float:
    """Of the processor, for everything that the page does until it is loaded: other tests share the machine."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.as_uri())
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return float(found["TaskDuration"])


def test_a_large_page_opens_quickly(browser: Any, several: Path, tmp_path: Path) -> None:
    """As many steps as no shipped model has: 60 traces of 60 steps."""
    found = reviewed("no-dangling-slot")
    (model,) = found.report.models
    base = next(result for result in model.results if result.trace)
    assert base.trace is not None
    steps = tuple(replace(base.trace.steps[at % 10], index=at + 1) for at in range(60))
    results = tuple(
        replace(base, rule=f"rule-{number}", trace=replace(base.trace, steps=steps)) for number in range(60)
    )
    large = replace(found, report=replace(found.report, models=(replace(model, results=results),)))
    path = tmp_path / "large.html"
    path.write_text(render(large), encoding="utf-8")
    assert path.stat().st_size < 5_000_000
    assert seconds_to_open(browser, path) < 1


@pytest.mark.long
def test_the_page_of_the_longest_shipped_model(browser: Any, tmp_path: Path) -> None:
    """Ten rules are violated in it."""
    longest = max((ROOT / "models").rglob("*.wdf"), key=lambda path: path.read_text(encoding="utf-8").count("\n"))
    path = tmp_path / "longest.html"
    path.write_text(render(review([longest], Options(timeout=300), lambda at, result: None)), encoding="utf-8")
    assert path.stat().st_size < 5_000_000
    assert seconds_to_open(browser, path) < 1
