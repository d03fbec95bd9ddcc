"""Arguments in, exit code out. Files, streams, signals and the clock are touched here and nowhere below.

What a command needs is imported inside it: `wdfmc --help` and a model with a mistake start no solver.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wdfmc import __version__
from wdfmc.diagnostics import Diagnostic, Rejected, did_you_mean
from wdfmc.language.reading import read
from wdfmc.memory import collect_rarely, peak, peak_of_ended_children
from wdfmc.progress import Meter, listening
from wdfmc.reports import FORMATS
from wdfmc.source import Source
from wdfmc.usage import (
    STDIN,
    command_line,
    contradictions,
    model_files,
    one_model,
    read_stdin,
    uncertifiable,
    unknown_command,
    unwritable,
)
from wdfmc.verdict import ModelReport, Report, Result, Statistics
from wdfmc.watch import watched

if TYPE_CHECKING:
    from wdfmc.library import RuleInfo
    from wdfmc.reports.page import Line, Look

DONE: Final = 0
DIFFERENT: Final = 1  # of `fmt --check`: a text would change; of `certify`: a claim does not hold
WRONG: Final = 2  # the command line or a text
OPEN: Final = 3  # of `certify`: something is not certified
DEFECT: Final = 70
INTERRUPTED: Final = 130
ENGINES: Final = ("auto", "bmc", "explicit", "ic3")
TARGETS: Final = ("answers", "honours", "silent")
LANGUAGES: Final = ("promela", "aiger", "smt2")
ENCODINGS: Final = ("binary", "one-hot")
# The threads of numpy's OpenBLAS wait for each other by spinning: where other processes need the processors, too, two
# threads took 10 times longer than one (products of matrices with 500 rows, measured).
SINGLE: Final = ("OPENBLAS_NUM_THREADS", "1")
EXAMPLE_SECONDS: Final = 30.0
EXITS: Final = """\b
Exit codes:
  0    every rule is proved, vacuous, skipped, or as its `expect` says
  1    a rule is violated that was not expected to be, or an `expect` is not met
  2    the command line or a text is wrong
  3    something stayed undecided
  70   internal error
  130  interrupted"""
CERTIFY_EXITS: Final = """\b
Exit codes:
  0    every verdict of the certificate is certified or replayed
  1    the certificate claims what does not hold
  2    it is damaged, it is about another text, or the command line is wrong
  3    some verdicts have no certificate, or time ran out
  70   internal error
  130  interrupted"""


class Commands(click.Group):
    """A misspelt command gets a suggestion."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise Rejected([unknown_command(args[0], self.list_commands(ctx))])
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, message="wdfmc %(version)s")
def commands() -> int:
    """Model checker for the request handling of WDF drivers: cancellation, completion, ownership, locks, power."""
    return DONE


# ---------------------------------------------------------------- check


@commands.command(epilog=EXITS, short_help="Check every rule that concerns each model.")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--spec", "specs", metavar="FILE", multiple=True, help="Also check the rules of this file.")
@click.option("--rule", "rules", metavar="NAME", multiple=True, help="Check this rule only; may be repeated.")
@click.option("--requests", type=click.IntRange(min=1), default=2, show_default=True, help="Requests in one run.")
@click.option("--target", type=click.Choice(TARGETS), help="What I/O targets do with what they are sent.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="How to decide.")
@click.option("--depth", type=click.IntRange(min=1), help="Search up to this many transitions (bmc).")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For the whole run.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes at the same time, for models or engines.  [default: all processors]",
)
@click.option("--coverage", is_flag=True, help="Also list what of each driver can never run.")
@click.option("--show-invariant", is_flag=True, help="Also say why each rule holds for any number of requests.")
@click.option("--save-certificate", metavar="FILE", help="Write what `wdfmc certify` checks the verdicts again by.")
@click.option(
    "--minimal-assumptions",
    "minimal",
    is_flag=True,
    help='Also show what each proof of "eventually" must assume, and why.',
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report here; not touched if there is an error.")
def check(
    models: tuple[str, ...],
    specs: tuple[str, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    engine: str,
    depth: int | None,
    timeout: float | None,
    jobs: int | None,
    coverage: bool,
    show_invariant: bool,
    save_certificate: str | None,
    minimal: bool,
    form: str,
    output: str | None,
) -> int:
    """Check every rule that concerns each MODEL: a file, a directory (all *.wdf below it), a glob, or - for stdin."""
    delivery = Delivery(form, None if output == STDIN else output)
    done = Decided()
    meter = Meter()
    begun = time.monotonic()
    try:
        wrong = contradictions(
            engine=engine, depth=depth, timeout=timeout, minimal=minimal, output=output, inputs=[*models, *specs]
        )
        wrong += uncertifiable(save_certificate, output, [*models, *specs])
        if wrong:
            raise Rejected(wrong)
        paths = model_files(models)
        if save_certificate is not None and len(paths) > 1:
            raise Rejected([one_model(len(paths))])
        done.results = {path.name if isinstance(path, Source) else str(path): [] for path in paths}
        os.environ.setdefault(*SINGLE)  # read when numpy is imported, here and in processes that are started
        from wdfmc.check import Options, check_models

        options = Options(
            specs=tuple(Path(spec) for spec in specs),
            rules=tuple(dict.fromkeys(rules)),
            requests=requests,
            target=target,
            engine=engine,
            depth=depth,
            timeout=timeout,
            jobs=jobs or os.cpu_count() or 1,
            coverage=coverage,
            evidence=show_invariant or save_certificate is not None,
            minimal=minimal,
        )
        with listening(meter.hear), watched(lambda: progress(done, meter, begun), sys.stderr):
            report = check_models(paths, options, done.add)
        if save_certificate is not None:
            from wdfmc.saved import written

            save(Path(save_certificate), written(report.models[0], options, click.get_current_context().obj))
    except Rejected as error:
        return delivery.reject(error.diagnostics)
    except KeyboardInterrupt:
        report = done.report()
    report = replace(report, statistics=statistics(meter, begun))
    return delivery.deliver(report if show_invariant else without_invariants(report))


def progress(done: Decided, meter: Meter, begun: float) -> list[str]:
    from wdfmc.reports.effort import progress_lines

    return progress_lines(meter.now(), done.number(), time.monotonic() - begun)


def statistics(meter: Meter, begun: float) -> Statistics:
    peaks = (peak(), peak_of_ended_children(), meter.memory)
    return Statistics(meter.efforts(), time.monotonic() - begun, max(filter(None, peaks), default=None))


def without_invariants(report: Report) -> Report:
    """They were found for the certificate alone."""
    models = [
        replace(model, results=tuple(replace(result, invariant=None) for result in model.results))
        for model in report.models
    ]
    return replace(report, models=tuple(models))


def save(path: Path, text: str) -> None:
    """Raises Rejected: it cannot be written; then nothing was."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise Rejected([Diagnostic("WDF906", f"cannot write to `{path}`: {error.strerror or error}")]) from None


@dataclass
class Decided:
    """What is decided so far, for a run that is interrupted. `results`: of each model, in the order of the report."""

    results: dict[str, list[Result]] = field(default_factory=dict)

    def add(self, path: str, result: Result) -> None:
        self.results.setdefault(path, []).append(result)

    def report(self) -> Report:
        models = tuple(ModelReport(path, "", tuple(results)) for path, results in self.results.items() if results)
        return Report(INTERRUPTED, models)

    def number(self) -> int:
        return sum(map(len, self.results.values()))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a report goes, and in which form."""

    form: str
    output: str | None

    def deliver(self, report: Report) -> int:
        if self.output is None or report.exit == INTERRUPTED:  # a file is left alone, what is decided is printed
            self.show(report)
            return report.exit
        try:
            write_whole(Path(self.output), FORMATS[self.form](report))
        except OSError as error:
            return self.reject([Diagnostic("WDF906", f"cannot write to `{self.output}`: {error.strerror or error}")])
        return report.exit

    def show(self, report: Report) -> None:
        if self.form == "text":
            from wdfmc.reports.text import report_lines

            show(lambda look: report_lines(report, look))
        else:
            show_text(FORMATS[self.form](report))

    def reject(self, diagnostics: Sequence[Diagnostic]) -> int:
        """Diagnostics for people on stderr; a script that asked for JSON gets its object as well."""
        complain(diagnostics)
        if self.form == "json" and self.output is None:
            show_text(FORMATS["json"](Report(WRONG, (), tuple(diagnostics))))
        return WRONG


def write_whole(path: Path, text: str | bytes) -> None:
    """All of the text or, if anything fails, nothing."""
    packed = text.encode("utf-8") if isinstance(text, str) else text
    if path.exists() and not path.is_file():  # a device or a pipe
        path.write_bytes(packed)
        return
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(packed)
        if path.exists():
            part.chmod(path.stat().st_mode & 0o7777)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------- export


@commands.command(short_help="Write what `check` decides for SPIN, AIGER or CHC tools.")
@click.argument("model")
@click.option("--to", "language", type=click.Choice(LANGUAGES), required=True, help="The language of the other tool.")
@click.option("--spec", "specs", metavar="FILE", multiple=True, help="Also know the rules of this file.")
@click.option(
    "--rule",
    "rules",
    metavar="NAME",
    multiple=True,
    help="Ask about this rule; may be repeated.  [default: all safety]",
)
@click.option("--requests", type=click.IntRange(min=1), default=2, show_default=True, help="Requests in one run.")
@click.option("--target", type=click.Choice(TARGETS), help="What I/O targets do with what they are sent.")
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Of values, in AIGER.  [default: binary]")
@click.option("--output", metavar="FILE", help="Write here; not touched if there is an error.")
def export(
    model: str,
    language: str,
    specs: tuple[str, ...],
    rules: tuple[str, ...],
    requests: int,
    target: str | None,
    encoding: str | None,
    output: str | None,
) -> int:
    """Write the instance that `check` decides for MODEL (a file, or - for stdin), so that other tools can check it.

    A comment in what is written names the rules, the variables and their values, and how to run the other tool.
    """
    from wdfmc.usage import export_contradictions

    file = None if output == STDIN else output
    console = file is None and sys.stdout.isatty()
    wrong = export_contradictions(
        model=model, language=language, encoding=encoding, output=file, inputs=[model, *specs], console=console
    )
    if wrong:
        raise Rejected(wrong)
    paths = model_files([model])
    from wdfmc.check import Options, loaded
    from wdfmc.diagnostics import Severity
    from wdfmc.exports import written

    options = Options(
        specs=tuple(Path(spec) for spec in specs),
        rules=tuple(dict.fromkeys(rules)),
        requests=requests,
        target=target,
        jobs=os.cpu_count() or 1,
    )
    models, diagnostics = loaded(paths, options)
    if any(item.severity is Severity.ERROR for item in diagnostics):
        raise Rejected(diagnostics)
    complain(diagnostics)
    text = written(models[0], options, language, encoding)
    if file is None:
        show_text(text) if isinstance(text, str) else show_bytes(text)
        return DONE
    try:
        write_whole(Path(file), text)
    except OSError as error:
        message = f"cannot write to `{file}`: {error.strerror or error}"
        raise Rejected([Diagnostic("WDF906", message)]) from error
    return DONE


# ---------------------------------------------------------------- certify


@commands.command(epilog=CERTIFY_EXITS, short_help="Check the verdicts of a certificate again.")
@click.argument("certificate", metavar="FILE")
@click.argument("model", metavar="MODEL")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For the whole run.")
@click.option("--smt2", metavar="FILE", help="Also write the proofs as SMT-LIB, for any solver; not if one fails.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def certify(certificate: str, model: str, timeout: float | None, smt2: str | None, form: str) -> int:
    """Check the verdicts that FILE claims of MODEL again: prove each invariant with z3, execute each trace.

    FILE was written by `wdfmc check MODEL --save-certificate FILE`.
    """
    from wdfmc.reports.certified import certified_lines, certified_object
    from wdfmc.saved import Standing, loaded_certificate

    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        wrong = contradictions(engine="auto", depth=None, timeout=timeout, minimal=False, output=None, inputs=())
        wrong += [] if smt2 is None else unwritable(Path(smt2), [certificate, model], "--smt2")
        if wrong:
            raise Rejected(wrong)
        saved = loaded_certificate(Path(certificate))
        from wdfmc.certify import as_smtlib, certified, model_of

        checked_model, diagnostics = model_of(saved, read_stdin() if model == STDIN else Path(model))
        results = list(certified(saved, checked_model, deadline))
        standings = {item.standing for item in results}
        if smt2 is not None and Standing.REFUTED not in standings:
            save(Path(smt2), as_smtlib(saved, checked_model))
    except Rejected as error:
        complain(error.diagnostics)
        if form == "json":
            show_text(certified_object([], certificate, model, WRONG, error.diagnostics))
        return WRONG
    code = DIFFERENT if Standing.REFUTED in standings else OPEN if Standing.OPEN in standings else DONE
    if form == "json":
        show_text(certified_object(results, certificate, model, code, diagnostics))
        return code
    if diagnostics:
        complain(diagnostics)
    show(lambda look: certified_lines(results, model, code, look))
    return code


# ---------------------------------------------------------------- rules, explain, fmt


@commands.command("rules", short_help="List the built-in rules, or show one.")
@click.argument("name", required=False)
@click.option("--covers", "source", metavar="CATALOGUE", help="What became of each rule of another catalogue, as SDV.")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the list here.")
def rules_command(name: str | None, source: str | None, form: str, output: str | None) -> int:
    """List the built-in rules, or show the one called NAME with an example trace.

    `--format markdown` gives all of them as a page: `wdfmc rules --format markdown --output docs/rules.md`.
    """
    if name is None:
        return listed_rules(source, form, output)
    given = {"--covers": source, "--format markdown": form != "text" or None, "--output": output}
    if wrong := [option for option, value in given.items() if value is not None]:
        message = f"`{wrong[0]}` is about all rules, `{name}` names one"
        raise Rejected([Diagnostic("WDF905", message, help="drop one of the two")])
    from wdfmc.library import rules
    from wdfmc.reports.manual import rule_lines

    known = rules()
    rule = next((rule for rule in known if rule.name.lower() == name.lower()), None)
    if rule is None:
        return unchecked_rule(name)
    code = show(lambda look: rule_lines(rule, look))
    sys.stdout.flush()
    example = example_trace(rule)
    show(lambda look: [(), *example(look)])
    return code


def unchecked_rule(name: str) -> int:
    """A rule of another catalogue that is not checked, with the reason. Raises Rejected."""
    from wdfmc.library import rules, unchecked
    from wdfmc.reports.rulebook import unchecked_lines

    found = next((item for item in unchecked() if item.name.lower() == name.lower()), None)
    if found is None:
        advice = did_you_mean(name, [rule.name for rule in rules()]) or "`wdfmc rules` lists them"
        raise Rejected([Diagnostic("WDF907", f"there is no rule `{name}`", help=advice)])
    return show(lambda look: unchecked_lines(found, look))


def listed_rules(source: str | None, form: str, output: str | None) -> int:
    """All rules, or all rows of another catalogue with what became of them."""
    from wdfmc.library import catalogues, covered, rules, unchecked
    from wdfmc.reports.page import PIPE, plain
    from wdfmc.reports.rulebook import covered_lines, page, rules_lines

    if source is not None and form != "text":
        message = "`--covers` gives a list for people, `--format markdown` the page of all rules"
        raise Rejected([Diagnostic("WDF905", message, help="drop one of the two")])
    if source is not None and source.upper() not in catalogues():
        advice = did_you_mean(source.upper(), catalogues()) or f"there are {', '.join(catalogues())}"
        raise Rejected([Diagnostic("WDF907", f"no rule covers anything of `{source}`", help=advice)])

    def lines(look: Look) -> list[Line]:
        return rules_lines(rules(), look) if source is None else covered_lines(source.upper(), covered(source), look)

    if form == "markdown":
        text = page(rules(), unchecked(), covered("SDV"))
    elif output is None:
        return show(lines)
    else:
        text = plain(lines(PIPE))
    if output is None:
        show_text(text)
    else:
        save(Path(output), text)
    return DONE


def example_trace(rule: RuleInfo) -> Callable[[Look], list[Line]]:
    """How a shipped model breaks the rule."""
    from wdfmc.library import example_of
    from wdfmc.reports.page import paragraph
    from wdfmc.reports.phrases import verdict_phrase
    from wdfmc.reports.text import trace_lines

    path = example_of(rule)
    if path is None:
        return lambda look: paragraph("  ", "No example that breaks this rule is shipped.", look.width)
    from wdfmc.check import Options, check_models

    options = Options(
        specs=(), rules=(rule.name,), requests=2, target=None, engine="auto", depth=None, timeout=EXAMPLE_SECONDS,
        jobs=os.cpu_count() or 1, coverage=False, evidence=False, minimal=False,
    )  # fmt: skip
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    report = check_models([path], options, lambda path, result: None)
    found = [(m, r, r.trace) for m in report.models for r in m.results if r.rule == rule.name and r.trace]
    if not found:
        said = [verdict_phrase(r) for m in report.models for r in m.results if r.rule == rule.name]
        words = f"{path} is meant to break this rule; after at most {EXAMPLE_SECONDS:.0f} seconds: {', '.join(said)}"
        return lambda look: paragraph("  ", words, look.width)
    model, result, trace = found[0]
    head: Line = ((f"example: driver {model.driver} in {path}", "bold"),)
    return lambda look: [head, (), *trace_lines(result, trace, model.path, look)]


@commands.command(short_help="Say what a DDI, a callback, a rule, a status or a code means.")
@click.argument("name")
def explain(name: str) -> int:
    """Say what NAME means: a DDI, a callback, a rule, a status, a diagnostic code, anything that the library names."""
    from wdfmc.catalogue import CATALOGUE
    from wdfmc.reports.manual import entry_lines, explanation_lines

    code = name.upper()
    if code in CATALOGUE:
        return show(lambda look: explanation_lines(code, CATALOGUE[code], look))
    from wdfmc.library import entries, find

    found = find(name)
    if not found:
        advice = did_you_mean(name, [*(entry.name for entry in entries()), *CATALOGUE])
        raise Rejected([Diagnostic("WDF907", f"the library names nothing `{name}`", help=advice)])

    def pages(look: Look) -> list[Line]:
        lines: list[Line] = []
        for entry in found:
            lines += [*([()] if lines else []), *entry_lines(entry, look)]
        return lines

    return show(pages)


@commands.command(short_help="Write files in the standard form.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file is not in this form.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def fmt(only_check: bool, files: tuple[str, ...]) -> int:
    """Write each FILE in the standard form (- for stdin to stdout). If one is wrong, none is written."""
    texts: list[tuple[Source, str]] = []
    wrong: list[Diagnostic] = []
    for name in files:
        try:
            source = read_stdin() if name == STDIN else read(Path(name))
            texts.append((source, in_standard_form(source)))
        except Rejected as error:
            wrong += error.diagnostics
    if wrong:
        raise Rejected(wrong)
    changed = [(name, text) for name, (source, text) in zip(files, texts, strict=True) if text != source.text]
    if only_check:
        show_text("".join(f"{name}: not in the standard form\n" for name, _ in changed))
        return DIFFERENT if changed else DONE
    for name, (_, text) in zip(files, texts, strict=True):
        if name == STDIN:
            show_text(text)
    for name, text in changed:
        if name != STDIN:
            write_whole(Path(name), text)
    return DONE


def in_standard_form(source: Source) -> str:
    """With the line ends that the text has."""
    from wdfmc.language.format import formatted
    from wdfmc.source import Source

    if "\r\n" not in source.text:
        return formatted(source)
    unix = Source(source.name, source.text.replace("\r\n", "\n"))
    return formatted(unix).replace("\n", "\r\n")


# ---------------------------------------------------------------- streams


def show(lines: Callable[[Look], Sequence[Line]]) -> int:
    from wdfmc.reports.page import look_of, write_lines

    with open_stdout():
        write_lines(lines(look_of(sys.stdout)), sys.stdout)
        sys.stdout.flush()
    return DONE


def show_text(text: str) -> None:
    from wdfmc.reports.page import write_text

    with open_stdout():
        write_text(text, sys.stdout)
        sys.stdout.flush()


def show_bytes(packed: bytes) -> None:
    with open_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(packed)
        sys.stdout.flush()


@contextlib.contextmanager
def open_stdout() -> Iterator[None]:
    """Whoever reads stdout may stop reading (`| head`): that is no error, the rest is dropped."""
    try:
        yield
    except OSError as error:
        import errno

        if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
            raise
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


def complain(diagnostics: Sequence[Diagnostic]) -> None:
    from wdfmc.reports.page import look_of, write_lines
    from wdfmc.reports.snippet import diagnostic_lines

    with contextlib.suppress(OSError):
        write_lines(diagnostic_lines(diagnostics, look_of(sys.stderr)), sys.stderr)


def internal_error(error: BaseException) -> int:
    if os.environ.get("WDFMC_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
        return DEFECT
    told = f"{type(error).__name__}: {error}".splitlines()[0]
    sys.stderr.write(
        f"wdfmc {__version__}: internal error: {told}\n"
        "This is a defect of wdfmc, not of your model. Please report it with the command line, the model, and what\n"
        "the same command prints with WDFMC_DEBUG=1 in the environment.\n"
    )
    return DEFECT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process). Returns the exit code and raises nothing."""
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        code = commands.main(words, prog_name="wdfmc", standalone_mode=False, obj=tuple(words))
    except click.UsageError as error:
        complain([command_line(error, commands.list_commands(click.Context(commands)))])
        return WRONG
    except Rejected as error:
        complain(error.diagnostics)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        return internal_error(error)
    return code if isinstance(code, int) else DONE


def entry() -> None:
    """The console script."""
    collect_rarely()
    sys.exit(main())
