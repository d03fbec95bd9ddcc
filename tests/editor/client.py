"""An editor for tests: starts `wdfmc lsp` and talks to it over stdio."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

PATIENCE = 60.0  # seconds, on a machine that does other things too


class Editor:
    """One server. Texts are known by their address; places are found by the words that stand there."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, lsp.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.refreshed = 0
        self.news = asyncio.Event()

    # ------------------------------------------------------------ texts

    def open(self, uri: str, text: str) -> None:
        self.texts[uri], self.versions[uri] = text, 1
        item = lsp.TextDocumentItem(uri, "wdf", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def change(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self.versions[uri] += 1
        item = lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(item, [whole]))

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))

    async def close_all(self) -> None:
        for uri in self.texts:
            self.close(uri)
        await self.until(lambda: all(uri not in self.texts or not p.diagnostics for uri, p in self.published.items()))
        self.texts.clear()
        self.published.clear()
        self.messages.clear()

    async def diagnostics(self, uri: str) -> list[lsp.Diagnostic]:
        """Of the text as it is now."""
        await self.until(lambda: uri in self.published and self.published[uri].version == self.versions[uri])
        return list(self.published[uri].diagnostics)

    async def codes(self, uri: str) -> list[str]:
        return [str(item.code) for item in await self.diagnostics(uri)]

    async def until(self, holds: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not holds():
                self.news.clear()
                await self.news.wait()

        await asyncio.wait_for(wait(), PATIENCE)

    # ------------------------------------------------------------ places

    def place(self, uri: str, words: str, nth: int = 1) -> lsp.Position:
        """Of the `|` in words that stand in the text (without it), or of their start."""
        cut = max(words.find("|"), 0)
        sought = words.replace("|", "", 1)
        text, at = self.texts[uri], -1
        for _ in range(nth):
            at = text.index(sought, at + 1)
        before = text[: at + cut].replace("\r\n", "\n").replace("\r", "\n")
        line = before.rpartition("\n")[2]
        return lsp.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)

    def text_of(self, location: lsp.Location) -> str:
        """The words at a location in a text that is open, or in a file."""
        text = self.texts.get(location.uri) or file_of(location.uri).read_text(encoding="utf-8")
        line = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[location.range.start.line]
        units = line.encode("utf-16-le")
        return units[2 * location.range.start.character : 2 * location.range.end.character].decode("utf-16-le")

    # ------------------------------------------------------------ questions

    def at(self, uri: str, words: str, nth: int = 1) -> dict[str, Any]:
        return {"text_document": lsp.TextDocumentIdentifier(uri), "position": self.place(uri, words, nth)}

    async def hover(self, uri: str, words: str, nth: int = 1) -> str | None:
        found = await self.client.text_document_hover_async(lsp.HoverParams(**self.at(uri, words, nth)))
        if found is None:
            return None
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value

    async def definition(self, uri: str, words: str, nth: int = 1) -> lsp.Location | None:
        found = await self.client.text_document_definition_async(lsp.DefinitionParams(**self.at(uri, words, nth)))
        assert found is None or isinstance(found, lsp.Location)
        return found

    async def references(self, uri: str, words: str, nth: int = 1, declaration: bool = True) -> list[lsp.Location]:
        context = lsp.ReferenceContext(declaration)
        given = lsp.ReferenceParams(context=context, **self.at(uri, words, nth))
        return list(await self.client.text_document_references_async(given) or ())

    async def completion(self, uri: str, words: str, nth: int = 1) -> list[lsp.CompletionItem]:
        """In the order in which an editor shows them."""
        given = lsp.CompletionParams(**self.at(uri, words, nth))
        found = await self.client.text_document_completion_async(given)
        assert isinstance(found, lsp.CompletionList)
        return sorted(found.items, key=lambda item: item.sort_text or item.label)

    async def rename(self, uri: str, words: str, name: str, nth: int = 1) -> dict[str, str]:
        """The texts after it."""
        given = lsp.RenameParams(new_name=name, **self.at(uri, words, nth))
        found = await self.client.text_document_rename_async(given)
        assert found is not None and found.changes is not None
        return {uri: edited(self.texts[uri], edits) for uri, edits in found.changes.items()}

    async def format(self, uri: str) -> str | None:
        options = lsp.FormattingOptions(4, True)
        given = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(uri), options)
        edits = await self.client.text_document_formatting_async(given)
        return None if edits is None else edited(self.texts[uri], edits)

    async def lenses(self, uri: str) -> list[lsp.CodeLens]:
        given = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
        return list(await self.client.text_document_code_lens_async(given) or ())

    def run(self, command: str, *arguments: Any) -> Awaitable[Any]:
        return self.client.workspace_execute_command_async(lsp.ExecuteCommandParams(command, list(arguments)))


def edited(text: str, edits: Any) -> str:
    """A text after edits, whose columns are UTF-16 units."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ends = "\r\n" if "\r\n" in text else "\n"

    def offset(position: lsp.Position) -> int:
        before = sum(len(line) + len(ends) for line in lines[: position.line])
        line = lines[position.line] if position.line < len(lines) else ""
        units = line.encode("utf-16-le")[: 2 * position.character]
        return min(before + len(units.decode("utf-16-le")), len(text))

    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


def file_of(uri: str) -> Path:
    from pygls.uris import to_fs_path

    path = to_fs_path(uri)
    assert path is not None
    return Path(path)


@asynccontextmanager
async def editor(capabilities: lsp.ClientCapabilities | None = None) -> AsyncIterator[Editor]:
    """A server that has been asked to stop in the end, and has done so as it should."""
    client = LanguageClient("tests", "1")
    found = Editor(client)

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: lsp.PublishDiagnosticsParams) -> None:
        found.published[params.uri] = params
        found.news.set()

    @client.feature(lsp.WINDOW_SHOW_MESSAGE)
    def told(params: lsp.ShowMessageParams) -> None:
        found.messages.append(params.message)
        found.news.set()

    @client.feature(lsp.WORKSPACE_CODE_LENS_REFRESH)
    def refresh(params: Any) -> None:
        found.refreshed += 1
        found.news.set()

    await client.start_io(sys.executable, "-m", "wdfmc", "lsp")
    given = lsp.InitializeParams(capabilities=capabilities or lsp.ClientCapabilities())
    await asyncio.wait_for(client.initialize_async(given), PATIENCE)
    client.initialized(lsp.InitializedParams())
    try:
        yield found
        await client.shutdown_async(None)
        client.exit(None)
        process = client._server
        assert process is not None
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if client._server is not None and client._server.returncode is None:
            client._server.kill()
        await client.stop()
