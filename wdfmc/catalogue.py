"""Every diagnostic code: what it means, an example, and the example put right. `wdfmc explain CODE` prints it.

WDF0xx files, WDF1xx syntax, WDF2xx names and declarations, WDF3xx types, WDF4xx the structure of a driver,
WDF5xx rules and expectations, WDF9xx the command line. A code is never reused for another meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Final


@dataclass(frozen=True, slots=True)
class Explanation:
    """`wrong` gives the diagnostic and `right` does not; both are empty where no text shows it.

    checkable: the tests hold the two against the parser (WDF1xx) or the checker. Not so where a text alone does not
        show it (it needs another file), or where it is a matter of the framework's text.
    """

    code: str
    title: str
    text: str
    wrong: str = ""
    right: str = ""
    checkable: bool = True


def driver(body: str = "", items: str = "") -> str:
    """A small driver with `items`, and with `body` in its read handler."""
    parts = [
        "driver Small {",
        "    queue Reads : parallel, front { EvtIoRead = OnRead; }",
        *([indent(dedent(items).strip("\n"), "    ")] if items else []),
        "    callback OnRead(Request) {",
        indent(dedent(body).strip("\n") or "WdfRequestComplete(Request, STATUS_SUCCESS);", "        "),
        "    }",
        "}",
        "",
    ]
    return "\n".join(parts)


COMPLETE: Final = "WdfRequestComplete(Request, STATUS_SUCCESS);"


def files() -> Iterator[Explanation]:
    yield Explanation(
        "WDF001", "there is no such file", "The path names nothing. It is looked up from the current directory."
    )
    yield Explanation("WDF002", "a directory where a file is needed", "Name a text in it, such as `models/echo.wdf`.")
    yield Explanation("WDF003", "a file cannot be read", "The system refuses: permissions, a lock, a broken disk.")
    yield Explanation(
        "WDF004",
        "not UTF-8",
        "Texts are UTF-8, with or without a byte order mark. The label shows the first byte that is not part of it.",
    )
    yield Explanation("WDF005", "nothing in the file", "The text has no character but white space.")


def syntax() -> Iterator[Explanation]:
    yield Explanation(
        "WDF101",
        "something else is expected",
        "The text cannot go on like this. The message says what can stand here.",
        driver("status = ;\n" + COMPLETE),
        driver("status = STATUS_SUCCESS;\nWdfRequestComplete(Request, status);"),
    )
    yield Explanation(
        "WDF102",
        "the text ends too early",
        "The last statement or item is not finished.",
        'rule once(r: request) "A request is completed once."\n    never complete(r) after',
        'rule once(r: request) "A request is completed once."\n    never complete(r) after complete(r);',
    )
    yield Explanation(
        "WDF103",
        "a `;` is missing",
        "Statements, fields and bindings end in `;`. The place shown is the end of what it should follow.",
        driver("status = STATUS_SUCCESS\nWdfRequestComplete(Request, status);"),
        driver("status = STATUS_SUCCESS;\nWdfRequestComplete(Request, status);"),
    )
    yield Explanation(
        "WDF104",
        "a bracket is not closed",
        "By counting, the bracket that is left over is always the outermost one; which one it is, is judged by the "
        "indentation and by the items that would stand inside it.",
        "driver Small {\n    callback OnRead(Request) {\n        if (Busy) {\n            return;\n    }\n"
        "    context device { Busy : bool; }\n}\n",
        "driver Small {\n    callback OnRead(Request) {\n        if (Busy) {\n            return;\n        }\n    }\n"
        "    context device { Busy : bool; }\n}\n",
    )
    yield Explanation(
        "WDF105",
        "a closing bracket without an opening one",
        "Either it is one too many, or an opening one before it is missing or of another kind.",
        driver() + "}\n",
        driver(),
    )
    yield Explanation(
        "WDF106",
        "words are not closed",
        'Words stand in `"` quotes and end on their line. A quote inside them is written `\\"`.',
        driver('if (maybe("the device is gone) { return; }\n' + COMPLETE),
        driver('if (maybe("the device is gone")) { return; }\n' + COMPLETE),
    )
    yield Explanation(
        "WDF107",
        "a comment has no end",
        "`/*` runs to the next `*/`; comments do not nest. `//` runs to the end of its line.",
        "/* A driver\n" + driver(),
        "/* A driver */\n" + driver(),
    )
    yield Explanation(
        "WDF108",
        "a character that is not part of the language",
        "There is no preprocessor, no character constant, no pointer and no arithmetic but `+` and `-`. Letters with "
        "accents and typographic quotes may stand in comments and in words only.",
        driver("x = *Request;\n" + COMPLETE),
        driver(),
    )
    yield Explanation(
        "WDF109",
        "a keyword used as a name",
        "Keywords are contextual: most words are free as names. Where a statement or an expression begins, the words "
        "that begin one are not.",
        driver("limit = 3;\n" + COMPLETE, "context device { limit : 0..3; }"),
        driver("Limit = 3;\n" + COMPLETE, "context device { Limit : 0..3; }"),
    )
    yield Explanation(
        "WDF110",
        "an item in the wrong place",
        "`driver`, `rule`, `stack` and `import` stand side by side; `queue`, `context`, `callback` and so on stand "
        "inside a driver; statements stand in the body of a callback, helper or thread. Often a brace before it "
        "is missing, or is one too many.",
        'driver Small {\n    rule mine(r: request) "Words." never complete(r) after complete(r);\n}\n',
        'driver Small {\n}\nrule mine(r: request) "Words." never complete(r) after complete(r);\n',
    )
    yield Explanation(
        "WDF111",
        "a misspelt keyword",
        "With the keyword that is suggested the text could be read on.",
        driver("whlie (true) { break; }\n" + COMPLETE),
        driver("while (true) { break; }\n" + COMPLETE),
    )
    yield Explanation(
        "WDF112",
        "a number is too large",
        "Numbers are at most 4294967295 (0xFFFFFFFF), the largest NTSTATUS.",
        "status STATUS_MINE = 0x1C0000001;\n",
        "status STATUS_MINE = 0xC0000001;\n",
    )
    yield Explanation(
        "WDF113",
        "not a number",
        "Numbers are decimal (`12`) or hexadecimal (`0x0C`). C reads `012` as octal, so it is not allowed.",
        "driver Small {\n    context device { Count : 0..012; }\n}\n",
        "driver Small {\n    context device { Count : 0..12; }\n}\n",
    )
    yield Explanation(
        "WDF114",
        "an empty range",
        "The smaller number comes first.",
        "driver Small {\n    context device { Count : 3..0; }\n}\n",
        "driver Small {\n    context device { Count : 0..3; }\n}\n",
    )
    yield Explanation(
        "WDF115",
        "nested too deeply",
        "Twenty thousand levels of blocks and operators can be checked (an `if` with its block is two), fewer where "
        "Python itself sets a lower limit. Move the inner part to a `helper`, or name a part of the condition with "
        "`define`.",
    )
    yield Explanation(
        "WDF116",
        "a construct of C that the language does not have",
        "The language looks like C, but has no `switch`, `for (...)`, `++`, `->`, arrays, and so on. The help says "
        "what to write instead.",
        driver("Count++;\n" + COMPLETE, "context device { Count : 0..3; }"),
        driver("Count = Count + 1;\n" + COMPLETE, "context device { Count : 0..3; }"),
    )
    yield Explanation(
        "WDF117",
        "`=` in an expression",
        "`=` assigns and is a statement; `==` compares.",
        driver("if (Busy = true) { return; }\n" + COMPLETE, "context device { Busy : bool; }"),
        driver("if (Busy == true) { return; }\n" + COMPLETE, "context device { Busy : bool; }"),
    )


def names() -> Iterator[Explanation]:
    yield Explanation(
        "WDF201",
        "an unknown name",
        "A name is looked up among the parameters and locals, the context fields, the objects, the callbacks, the "
        "helpers, and then the statuses, enum members and options of the library. A local exists from its first "
        "assignment on.",
        driver("WdfRequestComplete(Requst, STATUS_SUCCESS);"),
        driver(),
    )
    yield Explanation(
        "WDF202",
        "a name declared twice",
        "Names of one kind are declared once; a driver's objects, callbacks and context fields share one space.",
        driver(items="spinlock Guard;\nspinlock Guard;"),
        driver(items="spinlock Guard;\nspinlock Other;"),
    )
    yield Explanation(
        "WDF203",
        "an unknown field",
        "`x.Field` needs a field of the sort of x: one of the library's, or one that a `context` of the driver adds.",
        driver("Request.Cuont = 1;\n" + COMPLETE, "context request { Count : 0..3; }"),
        driver("Request.Count = 1;\n" + COMPLETE, "context request { Count : 0..3; }"),
    )
    yield Explanation(
        "WDF204",
        "an unknown type or sort",
        "Types are `bool`, `0..3`, `{ a, b }`, `NTSTATUS`, a sort such as `request` (with `?` if it can be null), "
        "`set of request`, `list[4] of request`, and what a text declares with `enum` or `sort`.",
        driver(items="context device { Busy : boool; }"),
        driver(items="context device { Busy : bool; }"),
    )
    yield Explanation(
        "WDF205",
        "an unknown kind of callback",
        "An object binds callbacks by Microsoft's names; which ones it can bind is fixed by its sort.",
        "driver Small {\n    queue Reads : parallel, front { EvtIoRaed = OnRead; }\n"
        "    callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }\n}\n",
        driver(),
    )
    yield Explanation(
        "WDF206",
        "a word that says nothing about the object",
        "The words after the colon set what is fixed about an object, such as `sequential`, `managed`, `scope queue` "
        "for a queue.",
        "driver Small {\n    queue Reads : paralel, front { EvtIoRead = OnRead; }\n"
        "    callback OnRead(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }\n}\n",
        driver(),
    )
    yield Explanation(
        "WDF207",
        "an unknown DDI, helper or define",
        'DDIs are spelled as in WDF. What a driver only computes is left out, or stands as `maybe("...")`; what it '
        "does to a request in a function of its own becomes a `helper`.",
        driver("WdfRequestCompelte(Request, STATUS_SUCCESS);"),
        driver(),
    )
    yield Explanation(
        "WDF208",
        "an unknown rule",
        "`wdfmc rules` lists the rules of the library; a text may declare its own.",
        driver(items="expect proved no-double-completion;"),
        driver(items="expect proved no-double-complete;"),
    )
    yield Explanation(
        "WDF209",
        "no event, or an event in the wrong text",
        "Events are what rules speak of. The library declares them with `ghost`, and its DDIs `emit` them; a driver "
        "calls the DDI.",
        driver("complete(Request, STATUS_SUCCESS);"),
        driver(),
    )
    yield Explanation(
        "WDF210",
        "texts that import each other",
        "`import` takes in another text; a text may not, by way of others, import itself.",
        'import "this.wdf";  // the file that this line stands in\n',
        checkable=False,
    )
    yield Explanation(
        "WDF211",
        "an imported file cannot be read",
        "The path of an `import` is relative to the file that it stands in.",
        'import "shraed.wdf";\n',
        'import "shared.wdf";\n',
        checkable=False,
    )
    yield Explanation(
        "WDF212",
        "a local that is never read",
        "A local comes into being by its first assignment, so a misspelt context field is a new local. If it is meant, "
        "drop the assignment: a result may be ignored.",
        driver("Bussy = true;\n" + COMPLETE, "context device { Busy : bool; }"),
        driver("Busy = true;\n" + COMPLETE, "context device { Busy : bool; }"),
    )
    yield Explanation(
        "WDF213",
        "a local that is read before it is written",
        "On some path nothing has been assigned to it yet.",
        driver('if (maybe("short")) { status = STATUS_CANCELLED; }\nWdfRequestComplete(Request, status);'),
        driver(
            'status = STATUS_SUCCESS;\nif (maybe("short")) { status = STATUS_CANCELLED; }\n'
            "WdfRequestComplete(Request, status);"
        ),
    )
    yield Explanation(
        "WDF214",
        "a helper or define that uses itself",
        "Helpers are expanded in place, so they cannot be recursive. Use a loop.",
        driver("Drain(Request);", "helper Drain(r) { Drain(r); }"),
        driver("Drain(Request);", "helper Drain(r) { WdfRequestComplete(r, STATUS_CANCELLED); }"),
    )
    yield Explanation(
        "WDF215",
        "an unknown setting or value",
        "`environment { ... }` chooses among the options of the library: `power on;`, `target honours;` and so on.",
        driver(items="environment { power maybe; }"),
        driver(items="environment { power on; }"),
    )
    yield Explanation(
        "WDF216",
        "a variable that nothing writes",
        "It keeps the first value of its type for ever, so what depends on it happens always, or never: rules become "
        "vacuous. Where it changes by an event outside the driver, a `thread` may write it. For a constant, say its "
        "value where it is declared.",
        driver("if (!Ready) { return; }\n" + COMPLETE, "context device { Ready : bool; }"),
        driver(
            "if (!Ready) { return; }\n" + COMPLETE,
            'context device { Ready : bool; }\nthread Plug { environment "it is plugged in"; Ready = true; }',
        ),
    )


def types() -> Iterator[Explanation]:
    yield Explanation(
        "WDF301",
        "a value of another type",
        "What stands here does not fit what is needed.",
        driver("WdfRequestComplete(Request, true);"),
        driver(),
    )
    yield Explanation(
        "WDF302",
        "the wrong number of arguments",
        "`wdfmc explain NAME` shows the parameters. Lengths, buffers and attributes that play no part are left out.",
        driver("WdfRequestComplete(Request);"),
        driver(),
    )
    yield Explanation(
        "WDF303",
        "`&` is missing or too much",
        "An argument that the call writes is marked by `&`, as in C; others are not.",
        driver("WdfRequestComplete(&Request, STATUS_SUCCESS);"),
        driver(),
    )
    yield Explanation(
        "WDF304",
        "not a condition",
        "`if`, `while`, `when` and so on need a bool. Compare: `status == STATUS_SUCCESS`, `NT_SUCCESS(status)`, "
        "`r != null`.",
        driver("status = STATUS_SUCCESS;\nif (status) { WdfRequestComplete(Request, status); }"),
        driver("status = STATUS_SUCCESS;\nif (NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }"),
    )
    yield Explanation(
        "WDF305",
        "not a member of the enum",
        "The value is none of those that the type has.",
        driver("Mode = runing;\n" + COMPLETE, "context device { Mode : { idle, running }; }"),
        driver("Mode = running;\n" + COMPLETE, "context device { Mode : { idle, running }; }"),
    )
    yield Explanation(
        "WDF306",
        "neither a request nor an object",
        "Only requests and objects have fields, and only they can be asked whether they are active.",
        driver("Busy.Count = 1;\n" + COMPLETE, "context device { Busy : bool; }\ncontext request { Count : 0..3; }"),
        driver("Request.Count = 1;\n" + COMPLETE, "context device { Busy : bool; }\ncontext request { Count : 0..3; }"),
    )
    yield Explanation(
        "WDF307",
        "a result that there is not",
        "The call returns nothing, or a `return` does not fit the helper's result.",
        driver("status = WdfRequestComplete(Request, STATUS_SUCCESS);\nif (NT_SUCCESS(status)) { return; }"),
        driver(),
    )
    yield Explanation(
        "WDF308",
        "this cannot be assigned",
        "Objects, parameters that are not `out` or `ref`, and what the declarations fix (`const` fields) stay as "
        "they are.",
        driver("Reads = null;\n" + COMPLETE),
        driver(),
    )
    yield Explanation(
        "WDF309",
        "outside a loop",
        "`break` and `continue` belong in a `while`, `loop` or `for each`.",
        driver("break;"),
        driver("while (true) { break; }\n" + COMPLETE),
    )
    yield Explanation(
        "WDF310",
        "a statement in the wrong kind of text",
        "`await`, `then`, `emit`, `start`, `enter`, `acquire` and so on say what WDF does. A driver calls DDIs. In "
        "framework text, `environment` stands in threads only.",
        driver("acquire Guard;\nrelease Guard;\n" + COMPLETE, "spinlock Guard;"),
        driver("WdfSpinLockAcquire(Guard);\nWdfSpinLockRelease(Guard);\n" + COMPLETE, "spinlock Guard;"),
    )
    yield Explanation(
        "WDF311",
        "an operator of rules outside a rule",
        "`since`, `after`, `while`, `once` and `implies` speak of what has happened; a driver cannot know that.",
        driver("Busy = (Busy implies Busy);\n" + COMPLETE, "context device { Busy : bool; }"),
        driver("Busy = (!Busy || Busy);\n" + COMPLETE, "context device { Busy : bool; }"),
    )
    yield Explanation(
        "WDF312",
        "a count compared with something else than a constant",
        "`count(r: request, C)` may be compared with a number only.",
        driver(
            "if (count(r: request, r == Request) < Limit) { Limit = 1; }\n" + COMPLETE,
            "context device { Limit : 0..3; }",
        ),
        driver(
            "if (count(r: request, r == Request) < 2) { Limit = 1; }\n" + COMPLETE, "context device { Limit : 0..3; }"
        ),
        checkable=False,
    )

    yield Explanation(
        "WDF313",
        "a step of the environment that lets others step",
        "An `environment` step and a line of a `loop` happen at once: `then`, `call`, loops and `for each` over "
        "requests take several steps, also inside what the step calls. An `await` without `then` is a condition of "
        "the step.",
        "sort printer { full : bool; }\n"
        "environment tray_is_changed(p: printer) { p.full = true; then; p.full = false; }\n"
        + driver(items="printer Inky;"),
        "sort printer { full : bool; }\n"
        'thread tray of p: printer { environment "the tray is changed"; p.full = true; then; p.full = false; }\n'
        + driver(items="printer Inky;"),
    )

    yield Explanation(
        "WDF314",
        "a step inside a thread whose fairness depends on the state",
        "Whether what the environment does inside a thread is guaranteed is settled before the run: by options.",
        "sort printer { full : bool; }\n"
        'thread tray of p: printer { environment "the tray is changed" fair weak when p.full; p.full = false; }\n'
        + driver(items="printer Inky;"),
        "option service : { on, off } = on;\nsort printer { full : bool; }\n"
        'thread tray of p: printer { environment "the tray is changed" fair weak when service == on; }\n'
        + driver(items="printer Inky;"),
    )


def structure() -> Iterator[Explanation]:
    yield Explanation(
        "WDF401",
        "no driver",
        "A model declares a driver. Texts of rules (`.wdfspec`) have none; give them with `--spec`.",
        'rule once(r: request) "A request is completed once."\n    never complete(r) after complete(r);\n',
        driver(),
    )
    yield Explanation(
        "WDF402",
        "two drivers that are not stacked",
        "One file, one driver; or say which sends to which.",
        "driver Upper { }\ndriver Lower { }\n",
        "driver Upper { }\ndriver Lower { }\nstack Upper over Lower;\n",
    )
    yield Explanation(
        "WDF403",
        "a binding is missing",
        "Some objects need a callback, or an object that they belong to.",
        driver(items="timer Tick;"),
        driver(items="timer Tick { EvtTimerFunc = OnTick; }\ncallback OnTick() { return; }"),
    )
    yield Explanation(
        "WDF404",
        "a callback that nothing calls",
        "It is bound by no object and passed to no DDI, so it never runs and is not checked.",
        driver(items="callback OnWrite(Request) { WdfRequestComplete(Request, STATUS_SUCCESS); }"),
        driver(),
    )
    yield Explanation(
        "WDF405",
        "a callback bound as two kinds that differ",
        "The kinds differ in their parameters or in the locks they hold. Write two callbacks, and a helper for what "
        "they share.",
        driver(items="timer Tick { EvtTimerFunc = OnRead; }"),
        driver(items="timer Tick { EvtTimerFunc = OnTick; }\ncallback OnTick() { return; }"),
    )
    yield Explanation(
        "WDF406",
        "which object is meant?",
        "The driver declares several of the sort, and one is needed. Name it.",
        driver(items="queue Other : manual;\ncontext queue { Busy : bool; }"),
        driver(items="queue Other : manual;\ncontext queue Reads { Busy : bool; }"),
    )
    yield Explanation(
        "WDF407",
        "an object that is there without being declared",
        "A driver has a device even if it declares none; its name is `Device`, and nothing else may have it.",
        driver(items="spinlock Device;"),
        driver(items="spinlock Guard;"),
    )
    yield Explanation(
        "WDF408",
        "a pool out of range",
        "`created Child[2] of request;` gives each request two slots for requests of the driver's own; one to eight "
        "can be checked.",
        driver(items="created Child[100] of request;"),
        driver(items="created Child[2] of request;"),
    )
    yield Explanation(
        "WDF409",
        "hardware that is not there",
        "`hardware Irq when C;` says when an interrupt that the driver declares may fire.",
        driver(items="hardware Irq when true;"),
        driver(
            items="interrupt Irq { EvtInterruptIsr = OnIsr; EvtInterruptDpc = OnDpc; }\nhardware Irq when true;\n"
            "callback OnIsr() { WdfInterruptQueueDpcForIsr(Irq); }\ncallback OnDpc() { return; }"
        ),
    )
    yield Explanation(
        "WDF410",
        "the wrong parameters of a callback",
        "A callback has the parameters of its kind, without those that play no part (the queue, lengths). Trailing "
        "ones may be left out. `wdfmc explain EvtIoRead` shows them.",
        "driver Small {\n    queue Reads : parallel, front { EvtIoRead = OnRead; }\n"
        "    callback OnRead(Request, Second, Third, Fourth, Fifth) {\n"
        "        WdfRequestComplete(Request, STATUS_SUCCESS);\n    }\n}\n",
        driver(),
    )
    yield Explanation(
        "WDF411",
        "a number of objects",
        "`file Handle[2];` lets at most two files be opened in one run. Only what the surroundings make is declared by "
        "number, one to four of it; everything else has a name of its own.",
        driver(items="spinlock Guard[2];"),
        driver(items="spinlock First;\nspinlock Second;"),
    )
    yield Explanation(
        "WDF412",
        "only the top of a stack can have this",
        "Of stacked drivers only the uppermost one can have files, and none can have callbacks for the contexts of "
        "its requests. Check the lower driver in a text of its own.",
        driver(items="file Handle;") + "driver Upper { }\nstack Upper over Small;\n",
        driver() + "driver Upper {\n    file Handle;\n}\nstack Upper over Small;\n",
    )
    yield Explanation(
        "WDF413",
        "a callback that never runs",
        "It is bound, but no run of the model starts it; `wdfmc check --coverage` has looked at all of them. Either "
        "the driver never does what leads to it, or the model leaves out who does.",
        driver(
            "WdfRequestComplete(Request, STATUS_SUCCESS);",
            "timer Late { EvtTimerFunc = OnLate; }\ncallback OnLate() { return; }",
        ),
        driver(
            "WdfTimerStart(Late);\nWdfRequestComplete(Request, STATUS_SUCCESS);",
            "timer Late { EvtTimerFunc = OnLate; }\ncallback OnLate() { return; }",
        ),
        checkable=False,
    )


def rules() -> Iterator[Explanation]:
    yield Explanation(
        "WDF501",
        "a rule without a sentence",
        "Every rule says in one sentence what must hold; reports print it.",
        'rule mine(r: request) ""\n    never complete(r) after complete(r);\n' + driver(),
        'rule mine(r: request) "A request is completed once."\n    never complete(r) after complete(r);\n' + driver(),
    )
    yield Explanation(
        "WDF502",
        "an unknown verdict",
        "`expect` takes `proved`, `violated`, `vacuous`, `skipped` or `unknown`.",
        driver(items="expect broken no-double-complete;"),
        driver(items="expect violated no-double-complete;"),
    )
    yield Explanation(
        "WDF503",
        "a rule declared twice",
        "The name is taken, by a rule of the library or of this text.",
        'rule no-double-complete(r: request) "A request is completed once."\n'
        "    never complete(r) after complete(r);\n" + driver(),
        'rule my-double-complete(r: request) "A request is completed once."\n'
        "    never complete(r) after complete(r);\n" + driver(),
    )
    yield Explanation(
        "WDF504",
        "a contract that nothing states",
        "`by contract` gives a name to what DDIs require: `requires C else this-rule;`. No DDI names this rule.",
        'rule mine(r: request) "Words."\n    by contract;\n' + driver(),
        'rule mine(r: request) "Words."\n    never complete(r) after complete(r);\n' + driver(),
    )
    yield Explanation(
        "WDF505",
        "an event is needed",
        "Both sides of `leads to`, and what makes a monitor go on, are events, perhaps joined by `or` or in a state "
        "(`while C`).",
        'rule mine(r: request) "Words."\n    true leads to complete(r, _);\n' + driver(),
        'rule mine(r: request) "Words."\n    deliver(r) leads to complete(r, _);\n' + driver(),
    )
    yield Explanation(
        "WDF506",
        "no rule is selected",
        "A specification (`.wdfspec`) declares rules or uses those of the library. This one does neither.",
        "// nothing but a comment\n",
        "use no-double-complete, complete-requires-unmark;\n",
        checkable=False,
    )

    yield Explanation(
        "WDF507",
        "a state of the past that no event tells",
        "`once`, `since`, `after` and `precedes` remember events, perhaps in a state (`while C`). A state alone comes "
        "and goes between two events. In `F since G` the left side is `not` an event.",
        'rule mine(r: request) "Words."\n    never complete(r, _) and once (r.own == sent);\n' + driver(),
        'rule mine(r: request) "Words."\n    never complete(r, _) and once send(r, _);\n' + driver(),
    )


def command_line() -> Iterator[Explanation]:
    yield Explanation("WDF901", "a wrong option or argument", "`wdfmc COMMAND --help` lists what the command takes.")
    yield Explanation("WDF902", "not a command", "`wdfmc --help` lists the commands.")
    yield Explanation("WDF904", "no model found", "A directory or a pattern stands for the models (*.wdf) below it.")
    yield Explanation("WDF905", "options that contradict each other", "One of the two has to go.")
    yield Explanation("WDF906", "the output cannot be written", "The file or its directory is missing or refused.")
    yield Explanation("WDF907", "an unknown name", "`wdfmc rules` lists the rules; `wdfmc explain` takes any name.")
    yield Explanation(
        "WDF910",
        "a rule that cannot be exported",
        "Rules of the form `eventually` are written for AIGER, and in Promela one at a time, but not in SMT-LIB. What "
        "`wdfmc check` leaves undecided because it cannot be expressed cannot be exported either.",
    )
    yield Explanation(
        "WDF908",
        "no certificate, or a damaged one",
        "The file is not what `wdfmc check MODEL --save-certificate FILE` wrote: it has another shape, it was changed, "
        "or its end is missing.",
    )
    yield Explanation(
        "WDF909",
        "a certificate of another text",
        "The model, a text that it imports, a specification or wdfmc's library has changed since the certificate was "
        "written. What was proved of the old text says nothing about the new one: check it again.",
    )
    yield Explanation(
        "WDF912",
        "a certificate of another version",
        "A warning: the version that runs lowers the model itself, proves every invariant and executes every trace "
        "again, so what it certifies holds. It may refuse what the other version accepts.",
    )
    yield Explanation(
        "WDF911",
        "a proof that cannot be written as SMT-LIB",
        "A transition counts the other requests in a way for which there is no formula here.",
    )
    yield Explanation(
        "WDF930",
        "the language server is not installed",
        '`wdfmc lsp` is made with the package `pygls`, which nothing else needs: `pip install "wdfmc[lsp]"`, in a '
        'clone of the repository `pip install ".[lsp]"`.',
    )
    yield Explanation(
        "WDF920",
        "more traces than the format has room for",
        "A warning: a file in the Informal Trace Format holds one trace. The first violation of the report is written; "
        "`--rule` chooses another one.",
    )
    yield Explanation(
        "WDF940",
        "nothing on this line can be left out",
        "`wdfmc why MODEL:LINE` leaves out or weakens the statements, tests and callbacks of a line. A declaration, a "
        "comment or a brace has none, and a line without which the text is no driver any more cannot be left out.",
    )
    yield Explanation(
        "WDF941",
        "no violation to explain",
        "`wdfmc explain-trace` explains the trace of a rule that is violated. `wdfmc check MODEL` says which ones are.",
    )
    yield Explanation(
        "WDF942",
        "not a report",
        "A file whose name ends in .json is taken for a report that `wdfmc check --format json --output FILE` wrote.",
    )
    yield Explanation(
        "WDF943",
        "another trace than that of the report",
        "A warning: the rule is still violated, but the trace is another one. The model, a text that it imports, the "
        "options of the check or wdfmc itself changed since the report was written.",
    )
    yield Explanation(
        "WDF913",
        "not a command of a simulation",
        "At the prompt of `wdfmc simulate`, `help` lists what can be said. Nothing has happened, the session goes on.",
    )
    yield Explanation(
        "WDF914",
        "no run comes there",
        "`wdfmc simulate` was asked for a run that there is none of: to a line that is never reached from here, to the "
        "end of a callback that does not run, to the breach of a rule that holds, or the search was given up. Or the "
        "model needs what the transition system cannot express.",
    )
    yield Explanation(
        "WDF915",
        "no saved run, or one of another model",
        "`wdfmc simulate` follows what its `save` wrote, and the traces of `wdfmc check --format json`. A run of "
        "another text, or with another number of requests, cannot be taken step by step.",
    )
    yield Explanation("WDF916", "the file exists already", "`wdfmc new` writes new files only.")
    yield Explanation("WDF951", "no such lesson", "`wdfmc learn` lists the lessons; a number or a name stands for one.")
    yield Explanation(
        "WDF952",
        "a folder that is already there",
        "A lesson is started in a new folder, so that no answer is overwritten. Go on in the folder, or name another "
        "one with `--into`.",
    )
    yield Explanation(
        "WDF953",
        "an answer changes what belongs to the lesson",
        "An answer is one driver, perhaps with helpers, or rules: what the framework does is not part of it. The "
        "`environment` and `hardware` lines of the lesson stay as they are, since a driver that is right only because "
        "nobody cancels and nothing interrupts is not right.",
    )
    yield Explanation(
        "WDF954",
        "an answer without what is asked for",
        "The lesson asks for a driver, or for a rule of a certain name.",
    )


CATALOGUE: Final[Mapping[str, Explanation]] = {
    explanation.code: explanation
    for chapter in (files, syntax, names, types, structure, rules, command_line)
    for explanation in chapter()
}
