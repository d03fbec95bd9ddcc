"""Checks from an editor: lenses, verdicts on the lines that lose, traces; stopped when the text changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types as lsp

from tests.editor.client import Editor, editor
from tests.shipped import ROOT

MODEL = ROOT / "models" / "cancellation" / "pending_read_no_lock.wdf"
RULE = "no-access-after-ownership-loss"
REFRESHING = lsp.ClientCapabilities(
    workspace=lsp.WorkspaceClientCapabilities(code_lens=lsp.CodeLensWorkspaceClientCapabilities(refresh_support=True))
)


def titles(lenses: list[lsp.CodeLens]) -> list[str]:
    return [lens.command.title for lens in lenses if lens.command]


def lens_of(lenses: list[lsp.CodeLens], title: str) -> lsp.Command:
    return next(lens.command for lens in lenses if lens.command and lens.command.title.startswith(title))


def test_a_rule_is_checked_and_its_trace_opened() -> None:
    text = MODEL.read_text(encoding="utf-8")
    uri = MODEL.as_uri()

    async def session() -> None:
        async with editor(REFRESHING) as found:
            await checked(found, uri, text)

    asyncio.run(session())


async def checked(editor: Editor, uri: str, text: str) -> None:
    editor.open(uri, text)
    assert await editor.diagnostics(uri) == []
    lenses = await editor.lenses(uri)
    assert titles(lenses)[0] == "check all rules"
    assert lenses[0].range.start == editor.place(uri, "|driver PendingReadNoLock")
    lens = lens_of(lenses, f"check {RULE}")
    assert lens.command == "wdfmc.check" and lens.arguments is not None
    found = await editor.run(lens.command, *lens.arguments)
    assert (found[0]["rule"], found[0]["verdict"]) == (RULE, "violated")  # contracts that are broken come behind it

    # the verdict stands on the line that loses, with the steps that lead there
    await editor.until(lambda: bool(editor.published[uri].diagnostics))
    verdict, *_ = await editor.diagnostics(uri)
    assert (verdict.source, verdict.code) == ("wdfmc check", RULE)
    assert verdict.severity is lsp.DiagnosticSeverity.Information  # the text expects it
    assert verdict.range.start.line == editor.place(uri, "add Request to Pending").line
    steps = verdict.related_information or ()
    assert len(steps) >= 6
    assert any(step.location.uri.endswith("/framework/request.wdf") for step in steps)
    assert any(step.location.uri == uri and "WdfRequestMarkCancelableEx" in step.message for step in steps)
    assert steps[0].message.startswith("1. ")

    # the lens says so, and opens the trace
    shown = lens_of(await editor.lenses(uri), "violated in")
    assert shown.title.endswith("as expected: show the trace") and shown.command == "wdfmc.trace"
    assert editor.refreshed >= 2
    page = await editor.run(shown.command, *(shown.arguments or ()))
    assert page["title"] == RULE
    assert f"# {RULE}" in page["markdown"] and "sender issues Reads" in page["markdown"]

    # a change makes all of that untrue
    editor.change(uri, text + "\n")
    assert await editor.diagnostics(uri) == []
    assert not [title for title in titles(await editor.lenses(uri)) if title.startswith("violated")]
    assert await editor.run("wdfmc.trace", uri, RULE) is None


def test_what_is_not_expected_is_an_error(tmp_path: Path) -> None:
    """The text in the editor is checked, not the file; it need not even exist."""
    text = MODEL.read_text(encoding="utf-8").replace(f"expect violated {RULE};", f"expect proved {RULE};")
    uri = (tmp_path / "not saved.wdf").as_uri()

    async def session() -> None:
        async with editor() as found:
            found.open(uri, text)
            assert (await found.run("wdfmc.check", uri, RULE))[0]["verdict"] == "violated"
            verdict, *_ = await found.diagnostics(uri)
            assert verdict.severity is lsp.DiagnosticSeverity.Error and "not expected" in verdict.message

            # a text that cannot be checked
            found.change(uri, text.replace("WdfRequestComplete(", "WdfRequestCompleet("))
            assert await found.codes(uri) != []
            assert await found.run("wdfmc.check", uri, RULE) == []
            await found.until(lambda: bool(found.messages))
            assert "WdfRequestCompleet" in found.messages[0]

    asyncio.run(session())


def test_a_check_is_stopped_when_the_text_changes_or_the_editor_says_so() -> None:
    """Typing goes on meanwhile."""
    text = MODEL.read_text(encoding="utf-8")
    uri = MODEL.as_uri()

    async def session() -> None:
        async with editor() as found:
            found.open(uri, text)
            await found.diagnostics(uri)
            for stop in ("change", "cancel"):
                running = asyncio.ensure_future(found.run("wdfmc.check", uri))
                while "checking ... (stop)" not in titles(await found.lenses(uri)):
                    await asyncio.sleep(0.01)
                assert await found.hover(uri, "WdfRequest|Complete") is not None
                if stop == "change":
                    found.change(uri, text + "\n")
                    assert await found.codes(uri) == []
                else:
                    await found.run("wdfmc.cancel", uri)
                assert await asyncio.wait_for(running, 60) == []
                assert titles(await found.lenses(uri))[:2] == ["check all rules", f"check {first_expected(text)}"]

    asyncio.run(session())


def first_expected(text: str) -> str:
    return text.partition("expect violated ")[2].partition(";")[0]


def test_all_rules() -> None:
    text = (
        "driver Echo {\n    queue Reads : sequential, front { EvtIoRead = OnRead; }\n\n    callback OnRead(Request) {\n"
    )
    text += "        WdfRequestComplete(Request, STATUS_SUCCESS);\n    }\n}\n"
    uri = "file:///echo.wdf"

    async def session() -> None:
        async with editor() as found:
            found.open(uri, text)
            assert len(await found.run("wdfmc.check", uri)) > 20
            assert await found.diagnostics(uri) == []
            shown = titles(await found.lenses(uri))
            assert len(shown) == 2 and "proved" in shown[1] and "violated" not in shown[1]

    asyncio.run(session())
