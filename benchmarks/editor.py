"""How long `wdfmc lsp` takes for a key, in milliseconds: from the change of a text to its diagnostics, and for answers.

    python benchmarks/editor.py [--lines N] [--keys K]

Types statements into the middle of a model, key by key, over stdio as an editor does; after each key it waits for the
diagnostics of that version, and asks for completion and hover. What is printed are the median and the worst; and, since
other work on the machine makes all of this longer, the processor time that the same work takes in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Final

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from wdfmc.editor.analysis import Analyst
from wdfmc.editor.completion import offers
from wdfmc.language.reading import read
from wdfmc.source import Source

URI: Final = "file:///benchmark.wdf"
TYPED: Final = (
    "\n        if (Busy3 && !empty(Pending3)) {\n            r = any of Pending3;\n"
    "            remove r from Pending3;\n"
    "            status = WdfRequestUnmarkCancelable(r);\n            if (NT_SUCCESS(status)) {\n"
    "                WdfRequestComplete(r, STATUS_SUCCESS);\n            }\n        }\n"
)
PART: Final = """
    // Part {0}: reads that wait, and their timer.
    queue    Reads{0} : parallel, scope queue, device Main {{ EvtIoRead = OnRead{0}; EvtIoStop = OnStop{0}; }}
    spinlock Lock{0};
    context  device Main {{ Pending{0} : set of request; Busy{0} : bool; Count{0} : 0..3; }}

    callback OnRead{0}(Request) {{
        WdfSpinLockAcquire(Lock{0});
        status = WdfRequestMarkCancelableEx(Request, OnCancel{0});
        if (NT_SUCCESS(status)) {{
            add Request to Pending{0};
            Busy{0} = true;
        }}
        WdfSpinLockRelease(Lock{0});
        if (!NT_SUCCESS(status)) {{
            WdfRequestComplete(Request, status);
        }}
    }}

    callback OnCancel{0}(Request) {{
        WdfSpinLockAcquire(Lock{0});
        remove Request from Pending{0};
        if (empty(Pending{0})) {{
            Busy{0} = false;
        }}
        WdfSpinLockRelease(Lock{0});
        WdfRequestComplete(Request, STATUS_CANCELLED);
    }}

    callback OnStop{0}(Request, ActionFlags) {{
        if (Busy{0}) {{
            status = WdfRequestUnmarkCancelable(Request);
            if (status != STATUS_CANCELLED) {{
                remove Request from Pending{0};
                WdfRequestStopAcknowledge(Request, TRUE);
            }}
        }}
    }}
"""


def model(lines: int) -> str:
    """A driver of about so many lines."""
    parts = max(4, round(lines / PART.count("\n")))
    return "driver Large {\n    device Main;\n" + "".join(PART.format(at) for at in range(parts)) + "}\n"


async def measured(text: str, keys: int) -> dict[str, list[float]]:
    """Milliseconds of each key, completion and hover."""
    client = LanguageClient("benchmark", "1")
    published: dict[int, list[lsp.Diagnostic]] = {}
    news = asyncio.Event()

    @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def diagnostics(params: lsp.PublishDiagnosticsParams) -> None:
        assert params.version is not None
        published[params.version] = list(params.diagnostics)
        news.set()

    async def version(number: int) -> None:
        while number not in published:
            news.clear()
            await news.wait()

    await client.start_io(sys.executable, "-m", "wdfmc", "lsp")
    await client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
    client.initialized(lsp.InitializedParams())
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(URI, "wdf", 0, text)))
    await version(0)
    assert not [item for item in published[0] if item.severity is lsp.DiagnosticSeverity.Error], published[0]
    document = lsp.TextDocumentIdentifier(URI)
    times: dict[str, list[float]] = {"key": [], "completion": [], "hover": []}
    for number, (now, cursor) in enumerate(typing(text, keys), start=1):
        changed = lsp.TextDocumentContentChangeWholeDocument(now)
        began = time.perf_counter()
        client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(number, URI), [changed])
        )
        await version(number)
        times["key"].append(1000 * (time.perf_counter() - began))
        before = now[:cursor]
        place = lsp.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)
        began = time.perf_counter()
        await client.text_document_completion_async(lsp.CompletionParams(document, place))
        times["completion"].append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        await client.text_document_hover_async(lsp.HoverParams(document, place))
        times["hover"].append(1000 * (time.perf_counter() - began))
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    return times


def worked(text: str, keys: int) -> dict[str, list[float]]:
    """Milliseconds of the processor for each analysis and completion."""
    analyst = Analyst(read)
    good = analyst.analysis(Source(URI, text)).known
    offers(Source(URI, text), text.index("Busy1"), good, analyst)
    gc.freeze()
    times: dict[str, list[float]] = {"key": [], "completion": []}
    for now, cursor in typing(text, keys):
        source = Source(URI, now)
        began = time.process_time()
        good = analyst.analysis(source).known or good
        times["key"].append(1000 * (time.process_time() - began))
        began = time.process_time()
        offers(source, cursor, good, analyst)
        times["completion"].append(1000 * (time.process_time() - began))
    return times


def typing(text: str, keys: int) -> Iterator[tuple[str, int]]:
    """The text after each key, and the offset of the cursor."""
    at = text.index("Busy1 = true;") + len("Busy1 = true;")
    for end in range(1, keys + 1):
        written = (TYPED * (keys // len(TYPED) + 1))[:end]
        yield text[:at] + written + text[at:], at + end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--keys", type=int, default=200)
    given = parser.parse_args()
    text = model(given.lines)
    print(f"{text.count(chr(10))} lines, {given.keys} keys; milliseconds")
    wall = asyncio.run(measured(text, given.keys))
    for kind, times in (("over stdio", wall), ("of the processor", worked(text, given.keys))):
        for what, found in times.items():
            print(f"{what:12} {kind:16}   median {median(found):6.1f}   worst {max(found):6.1f}")


if __name__ == "__main__":
    main()
