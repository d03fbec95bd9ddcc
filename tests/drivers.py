"""Random small drivers, as text. Most of them are wrong: that is what makes two interpreters differ, if they do."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

LOCK = "WdfSpinLockAcquire(Lock);"
UNLOCK = "WdfSpinLockRelease(Lock);"
OPTIONS = ("TIMEOUT", "SYNCHRONOUS", "SEND_AND_FORGET", "IGNORE_TARGET_STATE")
STORES = {"one": "Current : request?;", "set": "Pending : set of request;", "list": "Waiting : list[2] of request;"}


def random_driver(seed: int) -> str:
    """A driver with one or two queues, something that runs by itself, a few variables. The same for the same seed.

    Two of three pend requests; the third sends them to a target.
    """
    return Sender(Random(seed)).driver() if seed % 3 == 2 else Generator(Random(seed)).driver()


@dataclass
class Generator:
    """store: how requests are remembered (one, set, list). runner: timer, dpc, thread or interrupt."""

    random: Random
    store: str = ""
    runner: str = ""
    second: str = ""  # the second queue: none, manual or sequential
    locked: bool = False  # the driver has a lock
    nested: bool = False  # and a second one, inside or around it
    scoped: bool = False  # the framework holds a lock around the callbacks of the queue
    power: bool = False  # the device leaves D0 and comes back
    fresh: int = 0

    def driver(self) -> str:
        pick = self.random.choice
        self.store = pick(("one", "set", "set", "list"))
        self.runner = pick(("timer", "timer", "dpc", "dpc", "thread", "interrupt"))
        self.second = pick(("none", "none", "manual", "sequential"))
        self.locked = self.random.random() < 0.8
        self.nested = self.locked and self.random.random() < 0.25
        scope = pick(("", "", ", scope queue", ", scope device"))
        self.scoped = bool(scope)
        dispatch = pick(("sequential", "parallel", "parallel"))
        self.power = self.random.random() < 0.15
        managed = ", managed" if self.power else ""
        stop = " EvtIoStop = OnStop;" if self.power else ""
        lines = [f"queue Reads : {dispatch}, front{managed}{scope} {{ EvtIoRead = OnRead;{stop} }}"]
        if self.power:
            lines.append("environment { power on; }")
            lines.append(f"callback OnStop(Request, Action, Cancelable) {{ {self.stop_body()} }}")
        if self.second == "manual":
            lines.append(pick(("queue Second : manual;", "queue Second : manual { EvtIoCanceledOnQueue = OnCancel; }")))
        elif self.second == "sequential":
            lines.append("queue Second : sequential { EvtIoRead = OnSecond; }")
        if self.locked:
            lines.append("spinlock Lock;")
        if self.nested:
            lines.append("spinlock Inner;")
        lines.append(f"context device {{ {STORES[self.store]} Flag : bool; Count : 0..2; }}")
        lines.append("context request { Mine : bool; }")
        lines += self.declared_runner(scope)
        lines.append(f"callback OnRead(Request) {{ {self.block('Request', self.random.randint(1, 3))} }}")
        lines.append(f"callback OnCancel(Request) {{ {self.cancel_body()} }}")
        if self.second == "sequential":
            lines.append(f"callback OnSecond(Request) {{ {self.block('Request', self.random.randint(1, 2))} }}")
        body = "\n".join(f"    {line}" for line in lines)
        return f"driver Random {{\n{body}\n}}\n"

    def declared_runner(self, scope: str) -> list[str]:
        body = self.runner_body()
        serialized = ", serialized, parent Reads" if scope and self.random.random() < 0.5 else ""
        match self.runner:
            case "timer":
                kind = self.random.choice(("armed", "armed, periodic"))
                declared = f"timer Runner : {kind}{serialized} {{ EvtTimerFunc = OnRun; }}"
                return [declared, f"callback OnRun() {{ {body} }}"]
            case "dpc":
                words = f" : {serialized[2:]}" if serialized else ""
                return [f"dpc Runner{words} {{ EvtDpcFunc = OnRun; }}", f"callback OnRun() {{ {body} }}"]
            case "interrupt":
                return ["interrupt Runner { EvtInterruptDpc = OnRun; }", f"callback OnRun() {{ {body} }}"]
            case _:
                once = self.random.choice((" once", ""))
                return [f"thread Runner{once} {{ {body} }}"]

    # ------------------------------------------------------------ statements

    def block(self, request: str, size: int) -> str:
        return " ".join(self.action(request) for _ in range(size))

    def action(self, request: str) -> str:
        """Something that a callback does with a request, right or wrong."""
        pick = self.random.choice
        choices = ["mark"] * 3 + ["plain_mark", "keep", "complete", "section", "variable", "wake", "branch", "context"]
        if self.second != "none":
            choices.append("forward")
        match pick(choices):
            case "mark":
                status = self.local("status")
                kept = f"if (NT_SUCCESS({status})) {{ {self.keep(request)} }}"
                failed = f"if (!NT_SUCCESS({status})) {{ {self.complete(request)} }}"
                call = f"{status} = WdfRequestMarkCancelableEx({request}, OnCancel);"
                first = f"{call} {kept}"
                return f"{self.section(first) if pick((True, False)) else first} {failed}"
            case "plain_mark":
                parts = [f"WdfRequestMarkCancelable({request}, OnCancel);", self.keep(request)]
                self.random.shuffle(parts)
                return " ".join(parts)
            case "keep":
                return self.keep(request)
            case "complete":
                return self.complete(request)
            case "section":
                return self.section(self.action(request))
            case "variable":
                return self.variable()
            case "wake":
                return self.wake()
            case "branch":
                return f"if ({self.condition(request)}) {{ {self.action(request)} }} else {{ {self.action(request)} }}"
            case "context":
                return f"{request}.Mine = {pick(('TRUE', 'FALSE', f'!{request}.Mine'))};"
            case _:
                status = self.local("status")
                return (f"{status} = WdfRequestForwardToIoQueue({request}, Second); "
                        f"if (!NT_SUCCESS({status})) {{ {self.complete(request)} }}")  # fmt: skip

    def section(self, body: str) -> str:
        """Under the lock, unless it takes it itself: a second acquire by the same thread only ends the path."""
        if not self.locked or "(Lock)" in body:
            return body
        if self.nested and self.random.random() < 0.3:
            body = self.inside(body)
        return f"{LOCK} {body} {UNLOCK}"

    def inside(self, body: str) -> str:
        """Under the second lock as well."""
        return body if "(Inner)" in body else f"WdfSpinLockAcquire(Inner); {body} WdfSpinLockRelease(Inner);"

    def complete(self, request: str) -> str:
        return f"WdfRequestComplete({request}, {self.random.choice(('STATUS_SUCCESS', 'STATUS_CANCELLED'))});"

    def keep(self, request: str) -> str:
        match self.store:
            case "one":
                return f"Current = {request};"
            case "set":
                return f"add {request} to Pending;"
            case _:
                return f"append {request} to Waiting;"

    def forget(self, request: str) -> str:
        match self.store:
            case "one":
                careful = self.random.random() < 0.7
                return f"if (Current == {request}) {{ Current = null; }}" if careful else "Current = null;"
            case "set":
                return f"remove {request} from Pending;"
            case _:
                return f"remove {request} from Waiting;"

    def variable(self) -> str:
        return self.random.choice((
            "Flag = TRUE;", "Flag = !Flag;", "Count = 1;", "if (Count < 2) { Count = Count + 1; }",
            "if (Count > 0 && Flag) { Count = Count - 1; }", "if (Flag || Count == 2) { Count = 0; }",
            "while (Count > 0) { Count = Count - 1; if (Flag) { break; } }",
        ))  # fmt: skip

    def condition(self, request: str) -> str:
        options = [
            "Flag", "Count == 1", "!Flag && Count < 2", f"{request}.Mine", 'maybe("it is so")', "Flag || Count > 0",
            f"WdfRequestIsCanceled({request})",
        ]  # fmt: skip
        if self.store == "set":
            options.append("empty(Pending)")
        return self.random.choice(options)

    def wake(self) -> str:
        match self.runner:
            case "timer":
                return self.random.choice(("WdfTimerStart(Runner);", "WdfTimerStop(Runner, FALSE);"))
            case "dpc":
                return "WdfDpcEnqueue(Runner);"
            case _:
                return "Flag = TRUE;"

    def taken(self, name: str) -> str:
        """Look for a request that was kept."""
        match self.store:
            case "one":
                return f"{name} = Current;"
            case "set":
                return f"{name} = any of Pending;"
            case _:
                return f"{name} = first of Waiting;"

    def runner_body(self) -> str:
        if self.second == "manual" and self.random.random() < 0.5:
            request, status = self.local("next"), self.local("status")
            rest = self.random.choice((self.complete(request), self.block(request, 1)))
            taken = f"{status} = WdfIoQueueRetrieveNextRequest(Second, &{request});"
            return f"{taken} if (NT_SUCCESS({status}) && {request} != null) {{ {rest} }}"
        request = self.local("found")
        rest = self.random.choice((
            f"if (NT_SUCCESS(WdfRequestUnmarkCancelable({request}))) {{ {self.complete(request)} }}",
            f"WdfRequestUnmarkCancelable({request}); {self.complete(request)}",
            self.complete(request),
            self.block(request, 1),
        ))  # fmt: skip
        find = f"{self.taken(request)} if ({request} != null) {{ {self.forget(request)} }}"
        find = self.section(find) if self.random.random() < 0.7 else find
        if self.nested and self.random.random() < 0.5:
            find = self.inside(find)
        elif self.scoped and self.random.random() < 0.3:
            find = f"WdfObjectAcquireLock(Reads); {find} WdfObjectReleaseLock(Reads);"
        after = self.wake() if self.random.random() < 0.3 else ""
        return f"{find} if ({request} != null) {{ {rest} }} {after}"

    def stop_body(self) -> str:
        acknowledge = "WdfRequestStopAcknowledge(Request, FALSE);"
        return self.random.choice(
            (
                acknowledge,
                acknowledge,
                "",
                f"if (!Cancelable) {{ {acknowledge} }}",
                "if (!Cancelable) { WdfRequestStopAcknowledge(Request, TRUE); }",
                f"if (Cancelable && NT_SUCCESS(WdfRequestUnmarkCancelable(Request))) {{ {self.complete('Request')} }}",
                f"{self.section(self.forget('Request'))} {acknowledge}",
                self.complete("Request"),
            )
        )

    def cancel_body(self) -> str:
        forget = self.forget("Request")
        forget = self.section(forget) if self.random.random() < 0.7 else forget
        parts = [forget, self.complete("Request")]
        if self.random.random() < 0.2:
            self.random.shuffle(parts)
        if self.random.random() < 0.3:
            parts.insert(self.random.randint(0, 2), self.action("Request"))
        return " ".join(parts)

    def local(self, name: str) -> str:
        self.fresh += 1
        return f"{name}{self.fresh}"


class Sender:
    """A driver that sends its requests, or requests of its own, to a target; something may cancel or stop them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.child = random.random() < 0.3
        self.scope = random.choice(("", "", ", scope queue"))

    def sometimes(self, text: str, probability: float = 0.85) -> str:
        return text if self.random.random() < probability else ""

    def driver(self) -> str:
        pick = self.random.choice
        lines = [
            f"queue Reads : {pick(('sequential', 'parallel'))}, front{self.scope} {{ EvtIoRead = OnRead; }}",
            "target Lower;",
            "spinlock Lock;",
            "context device { Sent : set of request; Again : bool; }",
            "context request { Parent : request?; Left : 0..2; }",
            f"environment {{ target {pick(('answers', 'honours', 'silent'))}; }}",
        ]
        if self.child:
            lines.append("created Child[1] of request;")
        lines += [
            f"callback OnRead(Request) {{ {self.read()} }}",
            f"callback OnDone(Request) {{ {self.done()} }}",
            self.other(),
        ]
        body = "\n".join(f"    {line}" for line in lines)
        return f"driver Random {{\n{body}\n}}\n"

    def section(self, body: str) -> str:
        return f"{LOCK} {body} {UNLOCK}" if self.random.random() < 0.6 else body

    def read(self) -> str:
        if not self.child:
            return self.sent("Request")
        return " ".join((
            "status = WdfRequestCreate(Request, Lower, &child);",
            "if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); return; }",
            self.sometimes("child.Parent = Request;"),
            self.sometimes("InterlockedIncrement(&Request.Left);", 0.5),
            self.sent("child"),
        ))  # fmt: skip

    def sent(self, request: str) -> str:
        fails = f"!NT_SUCCESS(WdfIoTargetFormatRequestForRead(Lower, {request}, NULL))"
        current = f"WdfRequestFormatRequestUsingCurrentType({request});"
        format = self.random.choice((current, current, f"if ({fails}) {{ {self.ended(request)} return; }}"))
        options = self.random.choice(("0", "0", "0", *OPTIONS))
        careful = options in ("0", "TIMEOUT", "IGNORE_TARGET_STATE") or self.random.random() < 0.3
        parts = [
            self.sometimes(format),
            self.sometimes(f"WdfRequestSetCompletionRoutine({request}, OnDone);"),
            self.section(f"add {request} to Sent;"),
            f"if (!WdfRequestSend({request}, Lower, {options})) {{ {self.ended(request) if careful else ''} }}",
        ]
        if options == "SYNCHRONOUS":
            parts.append(self.sometimes(self.ended(request)))
        if self.random.random() < 0.15:
            at = self.random.randrange(3)
            parts[at], parts[at + 1] = parts[at + 1], parts[at]
        return " ".join(parts)

    def ended(self, request: str) -> str:
        """The request has come back, or was not sent."""
        forget = self.section(f"remove {request} from Sent;")
        if self.child and request != "Request":
            found = f"{forget} parent = {request}.Parent; WdfObjectDelete({request});"
            return f"{found} if (parent != null) {{ {self.finish('parent')} }}"
        return f"{forget} {self.finish(request)}"

    def finish(self, request: str) -> str:
        return f"WdfRequestComplete({request}, STATUS_SUCCESS);"

    def done(self) -> str:
        if self.child:
            found = f"{self.section('remove Request from Sent;')} parent = Request.Parent; WdfObjectDelete(Request);"
            return f"{found} if (parent != null) {{ {self.sometimes(self.finish('parent'))} }}"
        if self.random.random() < 0.3:
            again = self.sent("Request")
            return f"if (Again) {{ Again = FALSE; {again} }} else {{ {self.ended('Request')} }}"
        status = self.random.choice(("STATUS_SUCCESS", "WdfRequestGetStatus(Request)"))
        return f"{self.section('remove Request from Sent;')} WdfRequestComplete(Request, {status});"

    def other(self) -> str:
        cancel = "if (found != null) { WdfRequestCancelSentRequest(found); }"
        careful = f"{LOCK} found = any of Sent; if (found != null) {{ WdfObjectReference(found); }} {UNLOCK} "
        careful += "if (found != null) { WdfRequestCancelSentRequest(found); WdfObjectDereference(found); }"
        body = self.random.choice(
            (
                careful,
                f"{self.section('found = any of Sent;')} {cancel}",
                "Again = TRUE;",
                "WdfIoTargetStop(Lower, WdfIoTargetCancelSentIo); WdfIoTargetStart(Lower);",
                "WdfIoTargetStop(Lower, WdfIoTargetLeaveSentIoPending); WdfIoTargetStart(Lower);",
                "WdfIoTargetPurge(Lower, WdfIoTargetPurgeIo);",
                "WdfIoQueueStopSynchronously(Reads); WdfIoQueueStart(Reads);",
                "WdfIoQueuePurge(Reads, NULL); WdfIoQueueStart(Reads);",
            )
        )
        if self.random.random() < 0.5:
            return f"thread Other{self.random.choice((' once', ''))} {{ {body} }}"
        return f"timer Tick : armed {{ EvtTimerFunc = OnTick; }} callback OnTick() {{ {body} }}"


def surrounded_driver(seed: int) -> str:
    """A random driver with one or two of: files, EvtIoInCallerContext, callbacks of contexts, reserved requests."""
    random = Random(seed)
    text = random_driver(seed)
    for addition in random.sample(
        (with_file, with_file, with_caller, with_contexts, with_reserve), random.randint(1, 2)
    ):
        text = addition(text, random)
    return text


def driver_to_agree_on(seed: int) -> str:
    """A driver for which engines have to count, to ask about all requests, to change all, and to go round and round."""
    random = Random(f"agreement {seed}")
    if seed % 10 == 7:
        return going_round(random)
    text = surrounded_driver(seed) if seed % 5 == 4 else random_driver(seed)
    if random.random() < 0.3:
        text = text.replace("parallel, front", f"parallel, limit {random.choice((1, 2))}, front", 1)
    if random.random() < 0.4:
        text = with_purge(text, random)
    if random.random() < 0.3:
        off = random.choice(("ticks off; threads off; locks off;", "locks off;", "hardware silent; ticks off;"))
        text = with_items(text, f"environment {{ {off} }}")
    return text


def going_round(random: Random) -> str:
    """Nothing is forgotten or lost, but a request may go from queue to queue for ever."""
    pick = random.choice
    dispatch = pick(("parallel", "sequential", "manual"))
    ready = pick(("Ready", "Ready", 'maybe("it is ready")', "Ready && Tries == 2"))
    fails = "if (!NT_SUCCESS(status)) { WdfRequestComplete(Request, status); }"
    back = f"status = WdfRequestForwardToIoQueue(Request, Reads); {fails}"
    counted = pick(("", "if (Tries < 2) { Tries = Tries + 1; }"))
    found = f"if ({ready}) {{ WdfRequestComplete(Request, STATUS_SUCCESS); }} else {{ {counted} {back} }}"
    taken = f"if (NT_SUCCESS(WdfIoQueueRetrieveNextRequest(Second, &Request))) {{ {found} }}"
    lines = [
        f"queue Reads : {pick(('parallel', 'sequential'))}, front {{ EvtIoRead = OnRead; }}",
        "context device { Ready : bool; Tries : 0..2; }",
        f"callback OnRead(Request) {{ status = WdfRequestForwardToIoQueue(Request, Second); {fails} }}",
        f"thread Device {{ Ready = {pick(('TRUE', '!Ready', 'FALSE'))}; }}",
    ]
    if dispatch == "manual":
        lines += ["queue Second : manual;", "timer Poll : periodic, armed { EvtTimerFunc = OnPoll; }"]
        lines.append(f"callback OnPoll() {{ {taken} }}")
    else:
        lines += [f"queue Second : {dispatch} {{ EvtIoRead = OnSecond; }}", f"callback OnSecond(Request) {{ {found} }}"]
    return with_items("driver Random {\n}\n", *lines)


def with_purge(text: str, random: Random) -> str:
    """Something purges, drains or stops a queue, once or again and again."""
    body = random.choice((
        "WdfIoQueuePurge(Reads, NULL);", "WdfIoQueuePurge(Reads, NULL); WdfIoQueueStart(Reads);",
        "WdfIoQueueStopAndPurge(Reads, NULL); WdfIoQueueStart(Reads);", "WdfIoQueuePurgeSynchronously(Reads);",
        "WdfIoQueueDrainSynchronously(Reads); WdfIoQueueStart(Reads);",
    ))  # fmt: skip
    return with_items(text, f"thread Purger{random.choice(('', ' once'))} {{ {body} }}")


def with_items(text: str, *lines: str) -> str:
    return text.rstrip().removesuffix("}") + "".join(f"    {line}\n" for line in lines) + "}\n"


def with_file(text: str, random: Random) -> str:
    """A file that keeps its requests, perhaps; perhaps the driver asks to see how it is opened."""
    if "file Handle" in text:
        return text
    pick = random.choice
    kept = pick(("add Request to file.Kept;", "file.Last = Request;", "file.Closing = !file.Closing;"))
    asks = pick(("", "if (file.Closing) { WdfRequestComplete(Request, STATUS_FILE_CLOSED); return; }"))
    text = text.replace(
        "callback OnRead(Request) {",
        f"callback OnRead(Request) {{ file = WdfRequestGetFileObject(Request); {asks} {kept}",
    )
    drop = pick((
        "File.Closing = TRUE;",
        "for each r of File.Kept { remove r from File.Kept; WdfRequestComplete(r, STATUS_CANCELLED); }",
        "r = any of File.Kept; if (r != null) { WdfRequestUnmarkCancelable(r); }",
        "if (File.Last != null) { WdfRequestComplete(File.Last, STATUS_CANCELLED); }",
    ))  # fmt: skip
    last = pick(("File.Last = null;", "if (empty(File.Kept)) { File.Closing = FALSE; }", ""))
    create = pick((
        "", "", "WdfRequestComplete(Request, STATUS_SUCCESS);", "WdfRequestMarkCancelable(Request, OnOpening);",
        'if (maybe("no")) { WdfRequestComplete(Request, STATUS_ACCESS_DENIED); }', "File.Last = Request;",
    ))  # fmt: skip
    opens = "EvtDeviceFileCreate = OnOpen; " if create else ""
    scope = pick(("", " : scope device"))
    lines = [
        f"file Handle[1]{scope} {{ {opens}EvtFileCleanup = OnHandle; EvtFileClose = OnGone; }}",
        "context file { Closing : bool; Last : request?; Kept : set of request; }",
        f"callback OnHandle(File) {{ {drop} }}",
        f"callback OnGone(File) {{ {last} }}",
    ]
    if create:
        lines.append(f"callback OnOpen(Request, File) {{ {create} }}")
    if "OnOpening" in create:
        lines.append("callback OnOpening(Request) { WdfRequestComplete(Request, STATUS_CANCELLED); }")
    return with_items(text, *lines)


def with_caller(text: str, random: Random) -> str:
    enqueue = "WdfDeviceEnqueueRequest(Device, Request);"
    body = random.choice((
        f"if (!NT_SUCCESS({enqueue[:-1]})) {{ WdfRequestComplete(Request, STATUS_CANCELLED); }}",
        f"if (!NT_SUCCESS({enqueue[:-1]})) {{ WdfRequestComplete(Request, STATUS_CANCELLED); }}",
        f'if (maybe("it is wrong")) {{ WdfRequestComplete(Request, STATUS_CANCELLED); }} else {{ {enqueue} }}',
        f"{enqueue} WdfRequestComplete(Request, STATUS_SUCCESS);",
        f"{enqueue} {enqueue}",
        "WdfRequestRequeue(Request);",
    ))  # fmt: skip
    return with_items(text, "device Device { EvtIoInCallerContext = OnAny; }", f"callback OnAny(Request) {{ {body} }}")


def with_contexts(text: str, random: Random) -> str:
    locked = "WdfSpinLockAcquire(Lock); WdfSpinLockRelease(Lock);" if "spinlock Lock" in text else ""
    end = random.choice(("Request.Ended = TRUE;", locked, "WdfRequestComplete(Request, STATUS_CANCELLED);"))
    gone = random.choice(("if (Request.Ended) { Request.Ended = FALSE; }", locked, "WdfObjectDereference(Request);"))
    return with_items(
        text,
        "context request { Ended : bool; EvtCleanupCallback = OnEnded; EvtDestroyCallback = OnDestroyed; }",
        f"callback OnEnded(Request) {{ {end} }}",
        f"callback OnDestroyed(Request) {{ {gone} }}",
    )


def with_reserve(text: str, random: Random) -> str:
    callbacks = random.choice(
        ("", " EvtIoAllocateRequestResources = OnPrepare;", " EvtIoWdmIrpForForwardProgress = OnPrepare;")
    )
    text = text.replace(", front", ", front, WdfIoQueueAssignForwardProgressPolicy 1", 1)
    text = text.replace("EvtIoRead = OnRead;", f"EvtIoRead = OnRead;{callbacks}", 1)
    body = random.choice(("", "if (WdfRequestIsReserved(Request)) { }"))
    return with_items(text, f"callback OnPrepare(Request) {{ {body} }}") if callbacks else text
