"""`wdfmc lsp`, over stdio: what an editor asks, and what it gets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from tests.editor.client import Editor, editor
from wdfmc import library

MODEL = dedent(
    """\
    // A queue whose reads wait in a set.
    driver Waiting {
        queue    Reads : parallel, front { EvtIoRead = OnRead; }
        spinlock Lock;
        context  device { Pending : set of request; }  // reads that wait
        context  request { Counted : bool; }

        expect violated no-access-after-ownership-loss;

        callback OnRead(Request) {
            status = WdfRequestMarkCancelableEx(Request, OnCancel);
            if (NT_SUCCESS(status)) {
                add Request to Pending;
            } else {
                WdfRequestComplete(Request, status);
            }
        }

        // The request has been cancelled.
        callback OnCancel(Request) {
            Finish(Request);
        }

        helper Finish(r: request) {
            r.Counted = true;
            remove r from Pending;
            WdfRequestComplete(r, STATUS_CANCELLED);
        }
    }
    """
)
URI = "file:///models/waiting.wdf"


Talk = Callable[[Callable[[Editor], Coroutine[None, None, None]]], None]


@pytest.fixture(scope="module")
def talk() -> Iterator[Talk]:
    """Talks to one server for all tests of this file; each closes what it has opened."""
    with asyncio.Runner() as runner:
        session = editor()
        found = runner.run(session.__aenter__())

        def about_something(about: Callable[[Editor], Coroutine[None, None, None]]) -> None:
            try:
                runner.run(about(found))
            finally:
                runner.run(found.close_all())

        yield about_something
        runner.run(session.__aexit__(None, None, None))


def talk_alone(
    about: Callable[[Editor], Coroutine[None, None, None]], capabilities: lsp.ClientCapabilities | None = None
) -> None:
    """With a server of its own."""

    async def session() -> None:
        async with editor(capabilities) as found:
            await about(found)

    asyncio.run(session())


# ---------------------------------------------------------------- texts and their mistakes


def test_a_right_text_has_no_diagnostics(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert await editor.diagnostics(URI) == []

    talk(about)


def test_mistakes_while_typing(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert await editor.codes(URI) == []
        editor.change(URI, MODEL.replace("add Request to Pending;", "add Request to Pendign;"))
        (wrong,) = await editor.diagnostics(URI)
        assert (wrong.code, wrong.source, wrong.severity) == ("WDF201", "wdfmc", lsp.DiagnosticSeverity.Error)
        assert "did you mean `Pending`?" in wrong.message
        assert wrong.range == lsp.Range(editor.place(URI, "Pendign"), editor.place(URI, "Pendign|;"))
        editor.change(URI, MODEL.replace("Pending;\n", "Pending\n").replace("STATUS_CANCELLED", "STATUS_CANCELED"))
        assert await editor.codes(URI) == ["WDF103", "WDF103"]  # nothing else while the text cannot be read
        editor.change(URI, MODEL.replace("Request to Pending;", "Reqest to Pending;").replace("CANCELLED", "CANCELED"))
        assert await editor.codes(URI) == ["WDF201", "WDF201"]
        editor.change(URI, MODEL)
        assert await editor.codes(URI) == []

    talk(about)


def test_every_prefix_of_a_text_is_answered(talk: Talk) -> None:
    """As it is typed, key by key; no question fails however wrong the text is."""

    async def about(editor: Editor) -> None:
        editor.open(URI, "")
        for end in range(0, len(MODEL), 19):
            editor.change(URI, MODEL[:end])
            found = await editor.diagnostics(URI)
            assert all(item.message for item in found)
            if not MODEL[:end].strip():
                continue
            last = MODEL[:end].rstrip()[-3:]
            nth = MODEL[:end].count(last)
            await editor.completion(URI, last + "|", nth)
            await editor.hover(URI, last + "|", nth)
            await editor.lenses(URI)
        editor.change(URI, MODEL)
        assert await editor.codes(URI) == []
        assert editor.messages == []

    talk(about)


def test_keys_that_come_quickly_give_diagnostics_of_the_last_text(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        for end in range(100):
            editor.change(URI, MODEL + " " * end + "?")
        editor.change(URI, MODEL)
        assert await editor.codes(URI) == []

    talk(about)


def test_related_places(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL.replace("spinlock Lock;", "spinlock Lock;\n    spinlock Lock;"))
        (wrong,) = await editor.diagnostics(URI)
        assert wrong.code == "WDF202" and wrong.related_information
        assert wrong.related_information[0].message == "first declared here"

    talk(about)


def test_closing_takes_the_diagnostics_away(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, "driver {")
        assert await editor.codes(URI)
        editor.close(URI)
        await editor.until(lambda: not editor.published[URI].diagnostics)

    talk(about)


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    "uri",
    ["file:///models/a%20b/%C3%BC%20%23.wdf", "file:///c%3A/Users/Some%20One/echo.wdf", "file:///C:/echo.wdf",
     "untitled:Untitled-1"],
)  # fmt: skip
def test_addresses(talk: Talk, uri: str) -> None:
    """Spaces and drives; what comes back is under the address that the editor gave."""

    async def about(editor: Editor) -> None:
        editor.open(uri, MODEL.replace("Pending;", "Pendign;", 1))
        assert await editor.codes(uri) == ["WDF201"]
        editor.change(uri, MODEL)
        found = await editor.definition(uri, "to |Pending")
        assert found is not None and found.uri == uri and editor.text_of(found) == "Pending"

    talk(about)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_columns_are_utf16_and_lines_end_in_every_way(talk: Talk, ends: str) -> None:
    """Emoji count twice; what ends a line elsewhere (a form feed, U+2028) does not here."""
    text = MODEL.replace("add Request to", "/* \U0001f600 \u00e4\u2028\f */ add Request to").replace("\n", ends)

    async def about(editor: Editor) -> None:
        editor.open(URI, text)
        assert await editor.codes(URI) == []
        found = await editor.definition(URI, "to |Pending")
        assert found is not None and editor.text_of(found) == "Pending"
        uses = await editor.references(URI, "to |Pending")
        assert [editor.text_of(use) for use in uses] == ["Pending"] * 3
        assert (await editor.rename(URI, "to |Pending", "Parked"))[URI] == text.replace("Pending", "Parked")
        wrong = text.replace("to Pending", "to \u00e4")
        editor.change(URI, wrong)
        (problem,) = await editor.diagnostics(URI)
        assert problem.range.start == editor.place(URI, "to |\u00e4")

    talk(about)


@pytest.mark.parametrize("encoding", [lsp.PositionEncodingKind.Utf8, lsp.PositionEncodingKind.Utf32])
def test_other_units_of_columns(encoding: lsp.PositionEncodingKind) -> None:
    general = lsp.GeneralClientCapabilities(position_encodings=[encoding])
    text = MODEL.replace("add Request to Pending", "/* \U0001f600 */ add Request to Pendign")
    width = 4 if encoding is lsp.PositionEncodingKind.Utf8 else 1

    async def about(editor: Editor) -> None:
        editor.open(URI, text)
        (wrong,) = await editor.diagnostics(URI)
        line = text.splitlines()[wrong.range.start.line]
        assert wrong.range.start.character == line.index("Pendign") + width - 1

    talk_alone(about, lsp.ClientCapabilities(general=general))


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("WdfRequestMark|CancelableEx", ["DDI", "Marks the request cancelable", "STATUS_CANCELLED", "cancel.wdf"]),
        ("STATUS_CANCE|LLED", ["status", "NT_SUCCESS is false"]),
        ("no-access-|after", ["rule", "A request is not touched after", "SDV-04"]),
        ("EvtIo|Read", ["callback", "role handler"]),
        ("to |Pending", ["Pending : set of request", "variable of a context", "reads that wait"]),
        ("r.|Counted", ["request.Counted : bool", "field of request"]),
        ("(|status)", ["status : NTSTATUS", "local"]),
        ("Ex(Request, On|Cancel", ["callback OnCancel(Request)", "EvtRequestCancel", "has been cancelled"]),
        ("Fin|ish(Request)", ["helper Finish(r: request)"]),
        ("NT_|SUCCESS", ["is no failure"]),
        ("|queue   ", ["sort", "the dispatch type"]),
        ("par|allel", ["member"]),
    ],
)  # fmt: skip
def test_hover(talk: Talk, words: str, shown: list[str]) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        found = await editor.hover(URI, words)
        assert found is not None
        assert [part for part in shown if part not in found] == [], found

    talk(about)


def test_nothing_is_shown_where_there_is_no_name(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert await editor.hover(URI, "whose |reads") is None
        assert await editor.definition(URI, "whose |reads") is None

    talk(about)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("to |Pending", "context  device { Pending : set of request; }"),
        ("OnRead|;", "callback OnRead(Request) {"),
        ("Ex(|Request", "callback OnRead(Request) {"),
        ("Complete(|r,", "helper Finish(r: request) {"),
        ("r.|Counted", "context  request { Counted : bool; }"),
        ("|Finish(Request)", "helper Finish(r: request) {"),
        ("(|status)", "status = WdfRequestMarkCancelableEx(Request, OnCancel);"),
    ],
)
def test_definition_in_the_text(talk: Talk, words: str, line: str) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        found = await editor.definition(URI, words)
        assert found is not None and found.uri == URI
        assert MODEL.splitlines()[found.range.start.line].strip().startswith(line)

    talk(about)


@pytest.mark.parametrize(
    ("words", "file", "name"),
    [
        ("WdfRequestMark|CancelableEx", "framework/cancel.wdf", "WdfRequestMarkCancelableEx"),
        ("STATUS_|CANCELLED", "framework/status.wdf", "STATUS_CANCELLED"),
        ("no-access-|after", "rules/lifetime.wdfspec", "no-access-after-ownership-loss"),
        ("|queue   ", "framework/queue.wdf", "queue"),
        ("EvtIo|Read", "framework/queue.wdf", "EvtIoRead"),
        ("par|allel", "framework/queue.wdf", "parallel"),
        ("|spinlock", "framework/lock.wdf", "spinlock"),
    ],
)
def test_definition_in_the_library(talk: Talk, words: str, file: str, name: str) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        found = await editor.definition(URI, words)
        assert found is not None
        assert found.uri == (Path(library.__file__).parent / file).as_uri()
        assert editor.text_of(found) == name

    talk(about)


def test_texts_of_the_library_are_right_and_can_be_asked_about(talk: Talk) -> None:
    path = Path(library.__file__).parent / "framework" / "cancel.wdf"

    async def about(editor: Editor) -> None:
        editor.open(path.as_uri(), path.read_text(encoding="utf-8"))
        assert await editor.diagnostics(path.as_uri()) == []
        found = await editor.definition(path.as_uri(), "r.|own ==")
        assert found is not None and found.uri.endswith("request.wdf") and editor.text_of(found) == "own"

    talk(about)


def test_references(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert len(await editor.references(URI, "to |Pending")) == 3
        assert len(await editor.references(URI, "to |Pending", declaration=False)) == 2
        of_first = await editor.references(URI, "OnRead(|Request")  # not those of the other callback
        assert {use.range.start.line for use in of_first} == {9, 10, 12, 14}
        other = "file:///models/other.wdf"
        editor.open(other, MODEL)
        everywhere = await editor.references(URI, "WdfRequest|Complete")
        assert [use.uri for use in everywhere].count(other) == 2
        assert sum(use.uri.endswith("complete.wdf") or "library" in use.uri for use in everywhere) == 1
        assert {use.uri for use in await editor.references(URI, "to |Pending")} == {URI}  # the other one has its own

    talk(about)


def test_renaming(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert await editor.rename(URI, "to |Pending", "Parked") == {URI: MODEL.replace("Pending", "Parked")}
        renamed = (await editor.rename(URI, "OnRead(|Request", "r1"))[URI]
        assert renamed.count("r1") == 4 and "callback OnCancel(Request)" in renamed
        assert await editor.rename(URI, "|OnCancel(", "Cancelled") == {URI: MODEL.replace("OnCancel", "Cancelled")}

    talk(about)


@pytest.mark.parametrize(
    ("words", "name", "why"),
    [
        ("WdfRequest|Complete", "Complete", "is the library's: wdfmc/library/framework/"),
        ("STATUS_|CANCELLED", "GONE", "is the library's"),
        ("EvtIo|Read", "Read", "is the library's"),
        ("NT_|SUCCESS", "GOOD", "a word of the language"),
        ("to |Pending", "Reads", "declared twice"),
        ("to |Pending", "a b", "is not a name"),
        ("to |Pending", "3rd", "is not a name"),
        ("to |Pending", "", "is not a name"),
        ("(|status)", "Request", "cannot be assigned"),
        ("(|status)", "Lock", "`Lock`"),
        ("OnRead(|Request", "status", "`status`"),
        ("whose |reads", "x", "there is no name here"),
    ],
)
def test_renaming_is_refused_with_a_reason(talk: Talk, words: str, name: str, why: str) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        with pytest.raises(JsonRpcException) as refused:
            await editor.rename(URI, words, name)
        assert why in refused.value.message

    talk(about)


def test_names_of_imported_texts(talk: Talk, tmp_path: Path) -> None:
    shared = tmp_path / "a bus.wdf"
    shared.write_text("ddi BusReset(r: request) { }\n", encoding="utf-8")
    text = 'import "a bus.wdf";\n' + MODEL.replace("Finish(Request);", "BusReset(Request); Finish(Request);")
    uri = (tmp_path / "model.wdf").as_uri()

    async def about(editor: Editor) -> None:
        editor.open(uri, text)
        assert await editor.codes(uri) == []
        found = await editor.definition(uri, "|BusReset")
        assert found is not None and found.uri == shared.as_uri() and editor.text_of(found) == "BusReset"
        with pytest.raises(JsonRpcException, match="rename it there"):
            await editor.rename(uri, "|BusReset", "BusClear")
        editor.open(shared.as_uri(), "ddi BusReset(r: request) { ")  # as the editor has it, not the file
        editor.change(uri, text + "\n")
        (wrong,) = await editor.diagnostics(uri)
        assert wrong.range.start.line == 0 and "a bus.wdf" in wrong.message
        editor.change(shared.as_uri(), "ddi BusReset(r: request) { }\n")
        editor.change(uri, text)
        assert await editor.codes(uri) == []
        both = await editor.rename(shared.as_uri(), "|BusReset", "BusClear")
        assert both == {uri: text.replace("BusReset", "BusClear"), shared.as_uri(): "ddi BusClear(r: request) { }\n"}

    talk(about)


def test_names_while_the_text_cannot_be_read(talk: Talk) -> None:
    """They are those of the text before, each where it is now; they are not renamed."""
    broken = MODEL.replace("add Request to Pending;", "if ((x\n                add Request to Pending;")

    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        assert await editor.codes(URI) == []
        editor.change(URI, broken)
        assert await editor.codes(URI) != []
        shown = await editor.hover(URI, "from |Pending")
        assert shown is not None and "set of request" in shown
        found = await editor.definition(URI, "Complete(|r, ")
        assert found is not None and found.range.start == editor.place(URI, "Finish(|r")
        assert await editor.hover(URI, "if ((|x") is None
        assert editor.place(URI, "|driver Waiting") == (await editor.lenses(URI))[0].range.start
        given = lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(URI))
        (driver,) = await editor.client.text_document_document_symbol_async(given) or ()
        assert isinstance(driver, lsp.DocumentSymbol) and driver.children
        assert driver.children[-1].selection_range.start == editor.place(URI, "helper |Finish")
        with pytest.raises(JsonRpcException, match="syntax error"):
            await editor.rename(URI, "from |Pending", "Parked")

    talk(about)


# ---------------------------------------------------------------- the whole text


def test_specifications(talk: Talk) -> None:
    uri = "file:///specs/mine.wdfspec"
    text = 'rule mine(r: request) "A request is completed once."\n    never complete(r, _) after complete(r, _);\n'

    async def about(editor: Editor) -> None:
        editor.open(uri, text + "use no-double-complete;\n")
        assert await editor.codes(uri) == []
        found = await editor.definition(uri, "never |complete")
        assert found is not None and editor.text_of(found) == "complete"
        editor.change(uri, text + "use no-double-compleet;\n")
        assert await editor.codes(uri) == ["WDF208"]
        editor.change(uri, text.replace("complete(r, _);", "compleet(r);"))
        assert await editor.codes(uri) == ["WDF207"]

    talk(about)


def test_outline(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        given = lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(URI))
        (driver,) = await editor.client.text_document_document_symbol_async(given) or ()
        assert isinstance(driver, lsp.DocumentSymbol)
        assert driver.name == "Waiting"
        names = [part.name for part in driver.children or ()]
        assert names == ["Reads", "Lock", "context device", "context request", "no-access-after-ownership-loss",
                         "OnRead", "OnCancel", "Finish"]  # fmt: skip

    talk(about)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_formatting(talk: Talk, ends: str) -> None:
    text = MODEL.replace("    callback", "  callback").replace("\n", ends)

    async def about(editor: Editor) -> None:
        editor.open(URI, text)
        assert await editor.format(URI) == MODEL.replace("\n", ends)
        editor.change(URI, MODEL.replace("\n", ends))
        assert await editor.format(URI) == MODEL.replace("\n", ends)
        editor.change(URI, "driver {")
        assert await editor.format(URI) is None

    talk(about)


def test_colours(talk: Talk) -> None:
    async def about(editor: Editor) -> None:
        editor.open(URI, MODEL)
        given = lsp.SemanticTokensParams(lsp.TextDocumentIdentifier(URI))
        found = await editor.client.text_document_semantic_tokens_full_async(given)
        assert found is not None
        lines = MODEL.splitlines()
        line = column = 0
        words = []
        for at in range(0, len(found.data), 5):
            down, right, length, colour, shade = found.data[at : at + 5]
            line, column = line + down, right + (0 if down else column)
            words.append((lines[line][column : column + length], colour, shade))
        assert ("Waiting", 9, 1) in words  # a class, declared here
        assert ("WdfRequestComplete", 0, 2) in words  # a function of the library
        assert ("Pending", 2, 1) in words and ("Pending", 2, 0) in words

    talk(about)


# ---------------------------------------------------------------- the process


def test_leaving_without_shutdown_is_an_error() -> None:
    async def session() -> int:
        from pygls.lsp.client import LanguageClient

        client = LanguageClient("tests", "1")
        await client.start_io(sys.executable, "-m", "wdfmc", "lsp")
        await client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
        client.exit(None)
        assert client._server is not None
        code = await asyncio.wait_for(client._server.wait(), 60)
        await client.stop()
        return code

    assert asyncio.run(session()) == 1


def test_without_pygls_the_command_says_what_to_install() -> None:
    """Import of the package fails as it does where it is not installed."""
    script = "import sys; sys.modules['pygls'] = None; from wdfmc.cli import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "WDF930" in done.stderr and 'pip install "wdfmc[lsp]"' in done.stderr
