"""The tables of `wdf.lark`, computed by lark."""

from __future__ import annotations

from importlib.resources import files

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import PatternStr, TerminalDef
from lark.parsers.lalr_analysis import Shift

from wdfmc.language.lalr import Automaton, Production, Reduction, Spelling


def automaton_of_grammar() -> Automaton:
    grammar = files("wdfmc.language").joinpath("wdf.lark").read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=True)
    conf = lark.parse_interactive("").parser_state.parse_conf
    terminals = {terminal.name: spelling_of(terminal) for terminal in lark.terminals}
    numbers: dict[Rule, int] = {}
    rules: list[Rule] = []
    shift: list[dict[str, int]] = [{} for _ in conf.states]
    goto: list[dict[str, int]] = [{} for _ in conf.states]
    for state, row in conf.states.items():
        for symbol, (action, target) in row.items():
            if action is not Shift:
                if target not in numbers:
                    numbers[target] = len(rules)
                    rules.append(target)
                shift[state][symbol] = ~numbers[target]
            elif symbol in terminals:
                shift[state][symbol] = target
            else:
                goto[state][symbol] = target
    kept = {s.name for r in lark.rules for s in r.expansion if isinstance(s, Terminal) and not s.filter_out}
    return Automaton(
        tuple(shift), tuple(goto), tuple(map(reduction_of, rules)), conf.start_state, conf.end_state,
        terminals, frozenset(kept), tuple(map(production_of, lark.rules)),
    )  # fmt: skip


def reduction_of(rule: Rule) -> Reduction:
    """As lark shapes its trees: unnamed terminals are dropped, repetitions spliced, absent options are None."""
    absent = [0]
    for empty in rule.options.empty_indices or [False] * len(rule.expansion):
        if empty:
            absent[-1] += 1
        else:
            absent.append(0)
    keep = []
    pending = 0
    for at, symbol in enumerate(rule.expansion):
        pending += absent[at]
        if not (isinstance(symbol, Terminal) and symbol.filter_out):
            keep.append((at, not symbol.is_term and symbol.name.startswith("_"), pending))
            pending = 0
    origin = str(rule.origin.name)
    absent_at_end = pending + absent[len(rule.expansion)]
    alone = len(keep) == 1 and not (keep[0][1] or keep[0][2] or absent_at_end)
    passes = bool(rule.options.expand1) and not rule.alias and alone
    makes = not passes and not origin.startswith("_")
    builder = (rule.alias or origin) if makes else None
    return Reduction(origin, len(rule.expansion), builder, tuple(keep), absent_at_end, passes)


def spelling_of(terminal: TerminalDef) -> Spelling:
    pattern = terminal.pattern
    return Spelling(pattern.value, pattern.to_regexp(), isinstance(pattern, PatternStr), terminal.priority)


def production_of(rule: Rule) -> Production:
    return Production(str(rule.origin.name), tuple((str(each.name), bool(each.is_term)) for each in rule.expansion))
