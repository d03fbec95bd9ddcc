"""`wdfmc check`: every rule that concerns each model."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import click

from wdfmc.commands import option
from wdfmc.console import INTERRUPTED, WRONG, complain, save, show, show_text
from wdfmc.diagnostics import Diagnostic, Rejected
from wdfmc.memory import peak, peak_of_ended_children
from wdfmc.progress import Meter, listening
from wdfmc.progress_display import watched
from wdfmc.reports import FORMATS, WITH_DIAGNOSTICS
from wdfmc.source import Source
from wdfmc.usage import contradictions, model_files, one_model, uncertifiable
from wdfmc.verdict import ModelReport, Report, Result, Statistics

ENGINES: Final = ("auto", "bmc", "explicit", "ic3")
EXITS: Final = """\b
Exit codes:
  0    every rule is proved, vacuous, skipped, or as its `expect` says
  1    a rule is violated that was not expected to be, or an `expect` is not met
  2    the command line or a text is wrong
  3    something stayed undecided
  70   internal error
  130  interrupted"""


@click.command("check", epilog=EXITS)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@option.specs()
@option.rules()
@option.requests
@click.option("--fixed-requests", "fixed", is_flag=True, help="Prove for so many requests only, not for any number.")
@option.target
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="How to decide.")
@click.option("--depth", type=click.IntRange(min=1), help="Search up to this many transitions (bmc).")
@option.timeout()
@option.jobs
@click.option("--coverage", is_flag=True, help="Also list what of each driver can never run.")
@click.option("--show-invariant", is_flag=True, help="Also say why each rule holds for any number of requests.")
@click.option(
    "--save-certificate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what `wdfmc certify` checks the verdicts again by.",
)
@click.option(
    "--minimal-assumptions",
    "minimal",
    is_flag=True,
    help='Also show what each proof of "eventually" must assume, and why.',
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@option.output("Write the report here; not touched if there is an error.")
def command(
    models: tuple[str, ...],
    specs: tuple[Path, ...],
    rules: tuple[str, ...],
    requests: int,
    fixed: bool,
    target: str | None,
    engine: str,
    depth: int | None,
    timeout: float | None,
    jobs: int,
    coverage: bool,
    show_invariant: bool,
    save_certificate: Path | None,
    minimal: bool,
    form: str,
    file: Path | None,
) -> int:
    """Check every rule that concerns each MODEL: a file, a directory (all *.wdf below it), a glob, or - for stdin."""
    delivery = Delivery(form, file)
    done = Decided()
    meter = Meter()
    begun = time.monotonic()
    try:
        inputs: list[str | Path] = [*models, *specs]
        wrong = contradictions(
            engine=engine, depth=depth, minimal=minimal, why=show_invariant, fixed=fixed, output=file, inputs=inputs
        )
        wrong += uncertifiable(save_certificate, file, inputs)
        if wrong:
            raise Rejected(wrong)
        paths = model_files(models)
        if save_certificate is not None and len(paths) > 1:
            raise Rejected([one_model(len(paths))])
        done.results = {path.name if isinstance(path, Source) else str(path): [] for path in paths}
        from wdfmc.checking import Options, check_models
        from wdfmc.processes import ended_as_interrupted

        options = Options(
            specs=specs,
            rules=rules,
            requests=requests,
            target=target,
            engine=engine,
            depth=depth,
            timeout=timeout,
            jobs=jobs,
            coverage=coverage,
            evidence=show_invariant or save_certificate is not None,
            minimal=minimal,
        )
        if fixed:
            options = replace(options, widening=0.0)
        shown = watched(lambda: progress(done, meter, begun), sys.stderr)
        with listening(meter.hear), shown, ended_as_interrupted():
            report = check_models(paths, options, done.add)
        if save_certificate is not None:
            from wdfmc.saved import written

            save(save_certificate, written(report.models[0], options, click.get_current_context().obj))
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
    file: Path | None

    def deliver(self, report: Report) -> int:
        if self.form == "itf":
            from wdfmc.reports.itf import left_out

            complain(left_out(report))
        if self.file is None or report.exit == INTERRUPTED:  # a file is left alone, what is decided is printed
            self.show(report)
            return report.exit
        try:
            save(self.file, FORMATS[self.form](report))
        except Rejected as error:
            return self.reject(error.diagnostics)
        return report.exit

    def show(self, report: Report) -> None:
        if self.form == "text":
            from wdfmc.reports.text import report_lines

            show(lambda look: report_lines(report, look))
        else:
            show_text(FORMATS[self.form](report))

    def reject(self, diagnostics: Sequence[Diagnostic]) -> int:
        """Diagnostics for people on stderr; a format with room for them has them, too."""
        complain(diagnostics)
        if self.form in WITH_DIAGNOSTICS and self.file is None:
            show_text(FORMATS[self.form](Report(WRONG, (), tuple(diagnostics))))
        return WRONG
