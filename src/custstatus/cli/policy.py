"""`custstatus policy`: looking at the whole of a policy, proving it, and comparing it with another before it goes live."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from custstatus import AnyAction, OrgConfig, SQLiteStore, Status, StatusLabel
from custstatus.cli.configs import config_of, kept_config, object_of
from custstatus.cli.errors import CommandError
from custstatus.cli.progress import bar
from custstatus.cli.tables import console, many, plain, table, words
from custstatus.operations import replay as replayed
from custstatus.policies import Invariant, Proof
from custstatus.policies.analysis import (
    Lint,
    never_allow,
)
from custstatus.policies.analysis import diff as compared
from custstatus.policies.analysis import lint as linted
from custstatus.policies.analysis import matrix as tabled
from custstatus.policies.analysis import prove as proved

__all__ = ["policy"]

policy = typer.Typer(
    name="policy",
    help="Look at the whole of an organisation's policy, prove it, compare it with another.",
    no_args_is_help=True,
)

_NAMED = "as MODULE:NAME, a .json file that `policy export` wrote, or a SQLite file whose last entry's counts"
Config = Annotated[str, typer.Option("--config", help=f"The configuration, {_NAMED}.", show_default=False)]
Organisation = Annotated[
    str | None, typer.Option("--org", help="The organisation, where a file has several.", show_default=False)
]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="As Markdown: for a page, or a pull request.")]


@policy.command()
def matrix(config: Config, org: Organisation = None, markdown: AsMarkdown = False) -> None:
    """Show every verdict: a row an action, a column a status; labels only where they differ."""
    shown = tabled(config_of(config, org).policy)
    if markdown:
        typer.echo(shown.markdown(), nl=False)
        return
    heading, *lines = shown.cells()
    terminal = console()
    for name, numbers in shown.lifecycles():
        terminal.print(words(name))
        columns = [0, *(number + 1 for number in numbers)]
        rows = [[words(line[0]), *(plain(line[number]) for number in columns[1:])] for line in lines]
        terminal.print(table(*(words(heading[column]) for column in columns), rows=rows))
        terminal.print()
    if shown.note:
        terminal.print(plain(shown.note))


@policy.command()
def prove(
    config: Config,
    org: Organisation = None,
    never: Annotated[
        list[str] | None, typer.Option(help="An action that must be blocked; with --when.", show_default=False)
    ] = None,
    when: Annotated[
        list[str] | None, typer.Option(help="The status or label where it must be.", show_default=False)
    ] = None,
    invariants: Annotated[
        str | None, typer.Option(help="More to prove: MODULE:NAME of one invariant or several.", show_default=False)
    ] = None,
) -> None:
    """
    Prove what the configuration declares as its invariants, and what is asked for here, by looking at every cell.

    Ends with 1 unless all of it is proved, or approved in the configuration.
    """
    found = config_of(config, org)
    asked = [*found.invariants, *_invariants(invariants)]
    if never or when:
        if not (never and when):
            raise CommandError("--never and --when go together: which actions, and where", code=2)
        actions, places = [_action(found, name) for name in never], [_place(found, name) for name in when]
        asked.append(never_allow(*actions, when=places))
    if not asked:
        raise CommandError(
            "nothing to prove: the configuration declares no invariant; use --never or --invariants", code=2
        )
    proofs = [proved(found.policy, each) for each in asked]
    if never and not proofs[-1].cells:
        raise CommandError("no lifecycle that restricts anything has such a place, so there is nothing to prove")
    for proof in proofs:
        approved = "approved, though " if _is_approved(proof, found) else ""
        typer.echo(plain(f"{approved}{proof}"))
    if not all(proof.is_proved or _is_approved(proof, found) for proof in proofs):
        raise typer.Exit(1)


@policy.command()
def diff(
    config: Config,
    old: Annotated[str, typer.Option(help=f"What is live, {_NAMED}.", show_default=False)],
    org: Organisation = None,
    markdown: AsMarkdown = False,
) -> None:
    """
    Show what the configuration decides otherwise than the old one.

    Ends with 1 where something is milder, or may be, without an approval in the configuration: for a pipeline.
    """
    new = config_of(config, org)
    difference = compared(config_of(old, new.org), new)
    typer.echo(difference.markdown() if markdown else plain_lines(str(difference)), nl=not markdown)
    if difference.unapproved:
        count = many(len(difference.unapproved), "cell is", "cells are")
        typer.echo(f"{count} milder, or may be, without an approval", err=True)
        raise typer.Exit(1)


@policy.command()
def lint(config: Config, org: Organisation = None) -> None:
    """List what is odd: rules that never decide, labels that differ, actions without a rule, dead ends, detours."""
    found = linted(config_of(config, org))
    for kind in Lint:
        several = [finding for finding in found if finding.lint is kind]
        if kind is Lint.ACTION_WITHOUT_RULE and several:
            typer.echo(f"{words(kind.value)}: {', '.join(finding.subject for finding in several)}")
            continue
        for finding in several:
            typer.echo(plain(f"{words(kind.value)}: {finding.subject}: {finding.message}"))
    typer.echo(many(len(found), "finding"))


@policy.command()
def replay(
    config: Config,
    db: Annotated[Path, typer.Option("--db", help="The SQLite file with the history.", show_default=False)],
    old: Annotated[
        str | None,
        typer.Option(help="What was live; by default what the file's last entry was made under.", show_default=False),
    ] = None,
    org: Organisation = None,
    ids: Annotated[int, typer.Option(min=0, help="How many customers to name in each row; 0 for all.")] = 5,
) -> None:
    """Hold the configuration against what really happened: who would have been blocked or marked, and who no longer."""
    new = config_of(config, org)
    before = kept_config(db, new.org) if old is None else config_of(old, new.org)
    with closing(SQLiteStore(db, create=False)) as store, bar("replaying") as done:
        outcome = replayed(before, new, store, progress=done)
    rows = [
        [
            words(row.action.value),
            plain(row.label or words(row.status)),
            f"{row.before.value} to {row.after.value}"
            + (f", by {', '.join(row.depends_on)}" if row.depends_on else ""),
            f"{len(row.customers):,}",
            f"{len(row.now):,}",
            f"{row.attempts:,}",
            plain(_ids(row.attempted_by or row.customers, ids)),
        ]
        for row in outcome.rows
    ]
    columns = "action", "where", "effect", "customers", "now there", "attempts", "who"
    console().print(
        table(*columns, rows=rows, numbers=[3, 4, 5]) if rows else "No customer would be treated differently."
    )
    typer.echo(f"{many(outcome.accounts, 'account')}, {many(outcome.activities, 'activity', 'activities')}")
    if outcome.unresolved:
        unknown = _ids(outcome.unresolved, ids)
        typer.echo(
            plain(
                f"{many(len(outcome.unresolved), 'customer')} were at places that are no longer configured: {unknown}"
            )
        )
    if outcome.depends_on:
        typer.echo(plain(f"Which customers these would treat differently is UNKNOWN: {', '.join(outcome.depends_on)}"))
    if outcome.skipped:
        typer.echo(f"{many(outcome.skipped, 'activity', 'activities')} of a kind that the configuration lacks")


@policy.command()
def export(config: Config, org: Organisation = None) -> None:
    """Write a configuration as JSON, for a later `diff`."""
    typer.echo(config_of(config, org).to_json())


def _is_approved(proof: Proof, config: OrgConfig[Any]) -> bool:
    """Whether it is refuted only where the configuration has an approval."""
    return bool(proof.counterexamples) and not proof.unapproved(config.loosenings)


def plain_lines(text: str) -> str:
    """A text of several lines, each printable."""
    return "\n".join(map(plain, text.splitlines()))


def _ids(customers: tuple[str, ...], most: int) -> str:
    shown = customers if most == 0 else customers[:most]
    return ", ".join(shown) + (f" and {len(customers) - len(shown):,} more" if len(shown) < len(customers) else "")


def _invariants(name: str | None) -> Iterable[Invariant]:
    """One invariant or several, by the name of what holds them."""
    found = () if name is None else object_of(name)
    several = (found,) if isinstance(found, Invariant) else found
    if not isinstance(several, Iterable) or not all(isinstance(each, Invariant) for each in several):
        raise CommandError(f"{name} holds no invariants", code=2)
    return several


def _action(config: OrgConfig[Any], name: str) -> AnyAction:
    found = config.action(name.lower()) or next((each for each in config.all_actions if each.name == name), None)
    if found is None:
        known = ", ".join(action.value for action in config.all_actions)
        raise CommandError(f"no action {name!r}; there are: {known}", code=2)
    return found


def _place(config: OrgConfig[Any], name: str) -> Status | StatusLabel:
    """A label by its text, or a status by its name or value: of customer status where several lifecycles have one."""
    for label in config.labels:
        if label.text == name:
            found: StatusLabel = label
            return found
    for lifecycle in config.lifecycles:
        for status in lifecycle.statuses:
            if name in {status.name, status.value}:
                place: Status = status
                return place
    raise CommandError(f"no label and no status {name!r}", code=2)
