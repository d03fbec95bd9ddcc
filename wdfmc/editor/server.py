"""The language server: what an editor sends, to the modules that know the answer.

All texts are kept whole. A text is analysed a moment after it was changed, or when an answer needs it; both take
milliseconds. Only checks take longer: each has a process of its own, which ends when its text changes.
"""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from wdfmc import __version__, library
from wdfmc.commands.fmt import in_standard_form
from wdfmc.diagnostics import Diagnostic, Rejected, Severity
from wdfmc.editor.analysis import Analysis, Analyst, Known, library_base, library_index
from wdfmc.editor.checking import Failed, Outcome, Task, outcomes_of
from wdfmc.editor.completion import Offer, library_calls, offers, signature_at
from wdfmc.editor.index import Occurrence
from wdfmc.editor.outline import COLOURS, SHADES, Part, colours, outline
from wdfmc.editor.pages import page
from wdfmc.editor.positions import Encoding, Positions, Shift
from wdfmc.editor.renaming import Refused, references, renameable, renamed
from wdfmc.language import ast
from wdfmc.language.reading import read
from wdfmc.source import Source, Span

PAUSE: Final = 0.01  # seconds without a key before a text is analysed
LONGEST_CHECK: Final = 600.0  # seconds
CHECK, CANCEL, TRACE = "wdfmc.check", "wdfmc.cancel", "wdfmc.trace"
NAME: Final = "wdfmc"
SYMBOLS: Final[Mapping[str, lsp.SymbolKind]] = {
    "driver": lsp.SymbolKind.Class, "object": lsp.SymbolKind.Object, "field": lsp.SymbolKind.Field,
    "context": lsp.SymbolKind.Struct, "callback": lsp.SymbolKind.Event, "rule": lsp.SymbolKind.Property,
    "sort": lsp.SymbolKind.Struct, "DDI": lsp.SymbolKind.Function, "helper": lsp.SymbolKind.Function,
    "definition": lsp.SymbolKind.Function, "enumeration": lsp.SymbolKind.Enum, "status": lsp.SymbolKind.Constant,
}  # fmt: skip


@dataclass
class Document:
    """A text that is open.

    analysis: of `source`, None until somebody asks. good: what was known of the text when it could last be read.
    checks: those that run; outcomes: of those that have ended since the last change.
    """

    uri: str
    version: int
    source: Source
    positions: Positions
    analysis: Analysis | None = None
    good: Known | None = None
    pending: asyncio.TimerHandle | None = None
    checks: dict[tuple[str | None, str | None], asyncio.Task[None]] = field(default_factory=dict)
    outcomes: dict[tuple[str | None, str | None], list[Outcome]] = field(default_factory=dict)
    shifted: tuple[Source, Shift] | None = None

    def span(self, start: int, end: int) -> lsp.Range:
        return lsp.Range(self.place(start), self.place(end))

    def place(self, offset: int) -> lsp.Position:
        return lsp.Position(*self.positions.position(offset))

    def offset(self, position: lsp.Position) -> int:
        return self.positions.offset(position.line, position.character)

    def range_of(self, span: Span) -> lsp.Range:
        """Of a span of this text, or of what it was when it could last be read."""
        if self.good is not None and span.source == self.good.tree.source != self.source:
            return self.span(self.shift.forth(span.start), self.shift.forth(span.end))
        return self.span(span.start, span.end)

    @property
    def shift(self) -> Shift:
        """From the text as it could last be read to the present one."""
        if self.shifted is None or self.shifted[0] is not self.source:
            before = self.good.tree.source.text if self.good else ""
            self.shifted = self.source, Shift.between(before, self.source.text)
        return self.shifted[1]

    def at(self, known: Known, position: lsp.Position) -> Occurrence | None:
        """The name at a position. `known`: of this text, or of what it was when it could last be read."""
        offset: int | None = self.offset(position)
        if known.tree.source is not self.source:
            assert offset is not None
            offset = self.shift.back(offset)
        return None if offset is None else known.index.at(offset)


class Server(LanguageServer):
    def __init__(self) -> None:
        super().__init__(NAME, __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.documents: dict[str, Document] = {}
        self.analyst = Analyst(self.read)
        self.told_to_stop = False  # an `exit` without `shutdown` before is an error of the editor

    # ------------------------------------------------------------ texts

    def read(self, path: Path) -> Source:
        """The text of a file, as it is in the editor if it is open there. Raises Rejected."""
        for document in self.documents.values():
            if Path(document.source.name).resolve() == path.resolve():
                return document.source
        return read(path)

    def opened(self, uri: str, version: int, text: str) -> None:
        path = to_fs_path(uri) or uri
        source = Source(path, re.sub(r"\r(?!\n)", "\n", text))  # as files are read; offsets stay
        encoding = encoding_of(self)
        document = self.documents.get(uri)
        if document is None:
            document = self.documents[uri] = Document(uri, version, source, Positions(text, encoding))
        else:
            self.stop_checks(document)
            document.version, document.source = version, source
            document.positions, document.analysis = Positions(text, encoding), None
        if document.pending is not None:
            document.pending.cancel()
        document.pending = asyncio.get_running_loop().call_later(PAUSE, self.publish, document)

    def closed(self, uri: str) -> None:
        document = self.documents.pop(uri, None)
        if document is not None:
            self.stop_checks(document)
            if document.pending is not None:
                document.pending.cancel()
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def document(self, uri: str) -> Document:
        found = self.documents.get(uri)
        if found is None:
            raise JsonRpcInvalidParams(f"{uri} is not open")
        return found

    def analysed(self, document: Document) -> Analysis:
        if document.analysis is None:
            document.analysis = self.analyst.analysis(document.source)
            document.good = document.analysis.known or document.good
        return document.analysis

    def known(self, uri: str) -> tuple[Document, Known | None]:
        """What is known of a text; while it cannot be read, of what it was before."""
        document = self.document(uri)
        self.analysed(document)
        return document, document.good

    def known_now(self, uri: str) -> tuple[Document, Known | None]:
        """What is known of a text as it is."""
        document = self.document(uri)
        return document, self.analysed(document).known

    def others(self, document: Document) -> list[Known]:
        found = (self.analysed(other).known for other in self.documents.values() if other is not document)
        return [known for known in found if known is not None]

    def positions_of(self, source: Source) -> tuple[str, Positions]:
        """The address of a text, and its positions."""
        uri = from_fs_path(str(installed(source.name)))
        assert uri is not None
        return uri, Positions(source.text, encoding_of(self))

    def location(self, span: Span) -> lsp.Location:
        for document in self.documents.values():
            if document.source.name == span.source.name:
                return lsp.Location(document.uri, document.range_of(span))
        uri, positions = self.positions_of(span.source)
        start, end = positions.position(span.start), positions.position(span.end)
        return lsp.Location(uri, lsp.Range(lsp.Position(*start), lsp.Position(*end)))

    # ------------------------------------------------------------ diagnostics

    def publish(self, document: Document) -> None:
        document.pending = None
        analysis = self.analysed(document)
        found = [self.diagnostic(document, item) for item in analysis.diagnostics]
        found += list(self.verdicts(document))
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(document.uri, found, document.version))

    def diagnostic(self, document: Document, item: Diagnostic) -> lsp.Diagnostic:
        first, *rest = item.labels or (None,)
        message = item.message + (f": {first.text}" if first and first.text else "")
        related = [
            lsp.DiagnosticRelatedInformation(self.location(label.span), label.text or "here") for label in rest if label
        ]
        return lsp.Diagnostic(
            range=document.range_of(first.span) if first else document.span(0, 0),
            message=message + (f"\nhelp: {item.help}" if item.help else ""),
            severity=lsp.DiagnosticSeverity.Error
            if item.severity is Severity.ERROR
            else lsp.DiagnosticSeverity.Warning,
            code=item.code,
            source=NAME,
            related_information=related or None,
        )

    # ------------------------------------------------------------ checks

    def verdicts(self, document: Document) -> Iterator[lsp.Diagnostic]:
        """What checks have found wrong, each on the line that loses."""
        told: set[tuple[str, str | None]] = set()
        for found in document.outcomes.values():
            for outcome in found:
                if (outcome.rule, outcome.target) not in told:
                    told.add((outcome.rule, outcome.target))
                    yield from self.verdict(document, outcome)

    def verdict(self, document: Document, outcome: Outcome) -> Iterator[lsp.Diagnostic]:
        expected = outcome.expectation == "met"
        lost = [step for step in outcome.steps if step.file == document.source.name]
        if outcome.word == "violated":
            severity = lsp.DiagnosticSeverity.Information if expected else lsp.DiagnosticSeverity.Error
            place = document.span(lost[-1].start, lost[-1].end) if lost else document.span(0, 0)
        elif outcome.expectation == "unmet" or outcome.word == "unknown":
            severity = lsp.DiagnosticSeverity.Error if outcome.expectation else lsp.DiagnosticSeverity.Warning
            place = self.place_of_expectation(document, outcome)
        else:
            return
        steps = [
            lsp.DiagnosticRelatedInformation(self.location(Span(source, step.start, step.end)), step.words)
            for step in outcome.steps
            if (source := self.source_named(document, step.file)) is not None
        ]
        note = " (as expected)" if expected else ", which is not expected" if outcome.expectation == "unmet" else ""
        yield lsp.Diagnostic(
            range=place, message=f"{outcome.rule}: {outcome.phrase}{note}\n{outcome.sentence}", severity=severity,
            code=outcome.rule, source=f"{NAME} check", related_information=steps or None,
        )  # fmt: skip

    def place_of_expectation(self, document: Document, outcome: Outcome) -> lsp.Range:
        for expect in expectations(self.analysed(document).known):
            if expect.rule == outcome.rule:
                return document.range_of(expect.span)
        return document.span(0, 0)

    def source_named(self, document: Document, name: str) -> Source | None:
        if name == document.source.name:
            return document.source
        for source in library.sources():
            if source.name == name:
                return source
        try:
            return self.read(Path(name))
        except Rejected:
            return None

    def stop_checks(self, document: Document) -> None:
        """Of a text that has changed: what runs ends, what was found is no longer true."""
        for running in document.checks.values():
            running.cancel()
        document.checks.clear()
        document.outcomes.clear()

    async def check(self, document: Document, rule: str | None, target: str | None) -> list[Outcome]:
        """Check one rule, or all. Gives nothing if the text changes meanwhile."""
        key = rule, target
        if (before := document.checks.pop(key, None)) is not None:
            before.cancel()
        running = asyncio.ensure_future(self.run_check(document, rule, target))
        document.checks[key] = running
        self.lenses_changed()
        try:
            await running
        except asyncio.CancelledError:
            return []
        finally:
            if document.checks.get(key) is running:
                del document.checks[key]
            self.lenses_changed()
        return document.outcomes.get(key, [])

    async def run_check(self, document: Document, rule: str | None, target: str | None) -> None:
        token = await self.begin_progress(document, rule)
        try:
            task = Task(document.source.name, document.source.text, rule, target, LONGEST_CHECK)
            document.outcomes[rule, target] = await outcomes_of(task)
            self.publish(document)
        except Failed as failed:
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, f"{rule or 'check'}: {failed}"))
        finally:
            if token is not None:
                self.work_done_progress.end(token, lsp.WorkDoneProgressEnd())

    async def begin_progress(self, document: Document, rule: str | None) -> str | None:
        window = self.client_capabilities.window
        if window is None or not window.work_done_progress:
            return None
        token = f"wdfmc-{id(document)}-{rule}-{asyncio.get_running_loop().time()}"
        await self.work_done_progress.create_async(token)
        title = f"wdfmc: {rule or 'all rules'}"
        self.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title=title, cancellable=False))
        return token

    def lenses_changed(self) -> None:
        workspace = self.client_capabilities.workspace
        if workspace and workspace.code_lens and workspace.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    def lenses(self, document: Document) -> Iterator[lsp.CodeLens]:
        self.analysed(document)
        known = document.good
        for item in known.tree.items if known else ():
            if isinstance(item, ast.Driver):
                yield from self.lens(document, item.span, None, None, "check all rules")
        for expect in expectations(known):
            yield from self.lens(document, expect.span, expect.rule, expect.target, f"check {expect.rule}")

    def lens(
        self, document: Document, span: Span, rule: str | None, target: str | None, title: str
    ) -> Iterator[lsp.CodeLens]:
        place = document.range_of(Span(span.source, span.start, span.start))
        if (rule, target) in document.checks:
            yield lsp.CodeLens(place, lsp.Command("checking ... (stop)", CANCEL, None, [document.uri]))
            return
        yield lsp.CodeLens(place, lsp.Command(title, CHECK, None, [document.uri, rule, target]))
        found = document.outcomes.get((rule, target))
        if found is not None:
            yield lsp.CodeLens(place, lsp.Command(summary(found, rule), TRACE, None, [document.uri, rule, target]))


def summary(found: list[Outcome], rule: str | None) -> str:
    """What a check has found, on one line."""
    if rule is not None:
        of_rule = next((outcome for outcome in found if outcome.rule == rule), None)
        if of_rule is None:
            return "nothing was decided"
        more = ": show the trace" if of_rule.steps else ""
        return f"{of_rule.phrase}{', as expected' if of_rule.expectation == 'met' else ''}{more}"
    counts = {word: sum(outcome.word == word for outcome in found) for word in ("proved", "violated", "unknown")}
    others = len(found) - sum(counts.values())
    return ", ".join(f"{n} {word}" for word, n in (*counts.items(), ("other", others)) if n) + ": show them"


def expectations(known: Known | None) -> Iterator[ast.Expect]:
    for item in known.tree.items if known else ():
        if isinstance(item, ast.Driver):
            yield from (each for each in item.items if isinstance(each, ast.Expect))


def installed(name: str) -> Path:
    """The file of a text of the library."""
    if name.startswith(library.PREFIX):
        return Path(library.__file__).parent / name.removeprefix(library.PREFIX)
    return Path(name)


def encoding_of(server: Server) -> Encoding:
    chosen = server.workspace.position_encoding
    return "utf-8" if chosen == "utf-8" else "utf-32" if chosen == "utf-32" else "utf-16"


# ---------------------------------------------------------------- what the editor asks


def language_server() -> Server:
    server = Server()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        server.opened(item.uri, item.version, item.text)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        item = params.text_document
        server.opened(item.uri, item.version, server.workspace.get_text_document(item.uri).source)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        """What imports this text may be right now, or wrong."""
        for document in server.documents.values():
            if document.uri != params.text_document.uri:
                server.stop_checks(document)
                document.analysis = None
                server.publish(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(lsp.INITIALIZED)
    async def initialized(params: lsp.InitializedParams) -> None:
        """Read the library before somebody waits for it, in pieces that no key has to wait for."""
        library_base()
        library_calls()
        for source in library.sources():
            library_index(source)
            await asyncio.sleep(0.01)
        gc.freeze()  # what is never let go is not to be looked at again and again

    @server.feature(lsp.SHUTDOWN)
    def shutdown(params: Any) -> None:
        server.told_to_stop = True
        for document in server.documents.values():
            server.stop_checks(document)

    answer_about_names(server)
    answer_about_texts(server)
    answer_about_rules(server)
    return server


def answer_about_names(server: Server) -> None:
    def named(uri: str, position: lsp.Position) -> tuple[Document, Known | None, Occurrence | None]:
        document, known = server.known(uri)
        return document, known, document.at(known, position) if known else None

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document, known, one = named(params.text_document.uri, params.position)
        if known is None or one is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, page(one, known, server.analyst))
        return lsp.Hover(content, document.range_of(one.span))

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        _, known, one = named(params.text_document.uri, params.position)
        declared = server.analyst.declaration(one.thing, known) if known and one else None
        return server.location(declared.span) if declared else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def find_references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        document, known, one = named(params.text_document.uri, params.position)
        if known is None or one is None:
            return []
        found = references(one.thing, known, server.others(document), server.analyst)
        declared = server.analyst.declaration(one.thing, known)
        if declared is not None and all(use.span != declared.span for use in found):
            found.append(declared)
        wanted = params.context.include_declaration
        return [server.location(use.span) for use in found if wanted or not use.declares]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlights(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        document, known, one = named(params.text_document.uri, params.position)
        found = known.index.of(one.thing) if known and one else ()
        return [lsp.DocumentHighlight(document.range_of(use.span)) for use in found]

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(params: lsp.PrepareRenameParams) -> lsp.Range:
        document, known = server.known_now(params.text_document.uri)
        try:
            return document.range_of(renameable(document.offset(params.position), readable(known), server.analyst).span)
        except Refused as refused:
            raise JsonRpcInvalidParams(str(refused)) from None

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit:
        document, known = server.known_now(params.text_document.uri)
        try:
            known = readable(known)
            one = renameable(document.offset(params.position), known, server.analyst)
            found = renamed(one, params.new_name, known, server.others(document), server.analyst)
        except Refused as refused:
            raise JsonRpcInvalidParams(str(refused)) from None
        changes: dict[str, list[lsp.TextEdit]] = {}
        for use in found:
            location = server.location(use.span)
            changes.setdefault(location.uri, []).append(lsp.TextEdit(location.range, params.new_name))
        return lsp.WorkspaceEdit(changes=changes)


def readable(known: Known | None) -> Known:
    """Raises Refused."""
    if known is None:
        raise Refused("the text has a syntax error: names can be changed when it is gone")
    return known


def answer_about_texts(server: Server) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", "=", ":", "(", " "], resolve_provider=False),
    )
    def completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        document = server.document(params.text_document.uri)
        server.analysed(document)
        offset = document.offset(params.position)
        found, start = offers(document.source, offset, document.good, server.analyst)
        replaced = document.span(start, offset)
        return lsp.CompletionList(False, [item_of(offer, replaced) for offer in found])

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=["(", ","]))
    def signature_help(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        document = server.document(params.text_document.uri)
        server.analysed(document)
        found = signature_at(document.source, document.offset(params.position), document.good)
        if found is None:
            return None
        words = [lsp.ParameterInformation(label=list(place)) for place in found.places]  # type: ignore[arg-type]
        shown = lsp.SignatureInformation(found.label, parameters=words, active_parameter=found.active)
        return lsp.SignatureHelp([shown], 0, found.active)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
        document, known = server.known(params.text_document.uri)
        return [symbol(document, part) for part in outline(known)] if known else None

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        document = server.document(params.text_document.uri)
        try:
            text = in_standard_form(document.source)
        except Rejected:
            return None  # its mistakes are shown already
        end = len(document.source.text)
        return [] if text == document.source.text else [lsp.TextEdit(document.span(0, end), text)]

    legend = lsp.SemanticTokensLegend(list(COLOURS), list(SHADES))

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def semantic_tokens(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens | None:
        document, known = server.known_now(params.text_document.uri)
        if known is None:
            return None
        data: list[int] = []
        line, column = 0, 0
        for span, colour, shade in colours(known):
            start, end = document.place(span.start), document.place(span.end)
            same = start.line == line
            data += [start.line - line, start.character - (column if same else 0)]
            data += [end.character - start.character, colour, shade]
            line, column = start.line, start.character
        return lsp.SemanticTokens(data)


def item_of(offer: Offer, replaced: lsp.Range) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        label=offer.name,
        kind=lsp.CompletionItemKind(offer.kind),
        detail=offer.detail or None,
        documentation=offer.words or None,
        sort_text=f"{offer.rank}{offer.name}",
        text_edit=lsp.TextEdit(replaced, offer.name),
    )


def symbol(document: Document, part: Part) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=part.name,
        detail=part.detail,
        kind=SYMBOLS.get(part.kind, lsp.SymbolKind.Variable),
        range=document.range_of(part.span),
        selection_range=document.range_of(part.name_span),
        children=[symbol(document, inner) for inner in part.parts],
    )


def answer_about_rules(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensOptions(resolve_provider=False))
    def code_lens(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return list(server.lenses(server.document(params.text_document.uri)))

    @server.command(CHECK)
    async def check(uri: str, *of: Any) -> list[dict[str, str | None]]:
        """`of`: the rule and the behaviour of targets; what is left out is null."""
        rule, target = (*of, None, None)[:2]
        found = await server.check(server.document(uri), rule, target)
        return [{"rule": each.rule, "verdict": each.word, "phrase": each.phrase} for each in found]

    @server.command(CANCEL)
    def cancel(uri: str) -> None:
        for running in server.document(uri).checks.values():
            running.cancel()

    @server.command(TRACE)
    def trace(uri: str, *of: Any) -> dict[str, str] | None:
        """The page of a rule, or of all that were checked, violated ones first."""
        rule, target = (*of, None, None)[:2]
        found = server.document(uri).outcomes.get((rule, target))
        if not found:
            return None
        wanted = [each for each in found if rule in (None, each.rule)]
        wanted.sort(key=lambda each: each.word != "violated")
        return {"title": rule or "all rules", "markdown": "\n\n".join(each.page for each in wanted)}
