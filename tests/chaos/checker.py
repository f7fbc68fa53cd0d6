"""Verifies the promises from outside: from what clients saw, what Redis and the database hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos import frames
from tests.chaos.clients import Sight, Told
from tests.chaos.effects import Row
from tests.chaos.frames import TERMINAL
from tests.chaos.holdings import Holdings, StoredRun
from tests.chaos.member import Blow
from tests.chaos.report import LOG, SEEN, Report
from tests.chaos.witness import News

_EFFECTFUL = ("book", "notify")
_CRASHED = "too_many_attempts"


def check(
    told: Sequence[Told],
    holdings: Holdings,
    effects: Sequence[Row],
    calls: Sequence[Row],
) -> Report:
    """Look at everything; what does not hold is in the report's violations."""
    report = Report()
    for each in told:
        _check_told(report, each, holdings.runs)
    for run in holdings.runs.values():
        _check_log(report, run)
        _check_text(report, run)
        _check_pairs(report, run)
    _check_effects(report, holdings.runs, effects, calls)
    for session_id, lines in holdings.histories.items():
        _check_history(report, session_id, lines, holdings.runs)
    report.check("nothing is left over", holds=not holdings.left, where="", found=holdings.left)
    _tally(report, told, holdings)
    return report


def measure(
    report: Report,
    told: Sequence[Told],
    blows: Sequence[Blow],
    written: Mapping[str, Sequence[News]],
) -> None:
    """Take the time for which runs stood still after each blow."""
    report.tallies["Blows"].update(blow.what for blow in blows)
    _measure(report, LOG, written, blows)
    _measure(report, SEEN, {each.run_id: each.seen for each in told}, blows)


def _check_told(report: Report, told: Told, runs: Mapping[str, StoredRun]) -> None:
    """Every message has its end, and its sender saw exactly what the store holds."""
    where = f"{told.wire} {told.run_id or told.key}"
    report.check("clients saw nothing wrong", holds=not told.faults, where=where, found=told.faults)
    run = runs.get(told.run_id)
    answered = told.ended and run is not None and run.last.get("type") in TERMINAL
    if not report.check("accepted messages have an end", holds=answered, where=where):
        return
    assert run is not None
    report.check("runs answer their message", holds=run.text == told.text, where=where)
    if told.wire == "json":
        if told.answer:
            said = (told.answer["response"], "run.completed")
            stored = (run.last.get("text"), run.last["type"])
            report.check("whole answers as stored", holds=said == stored, where=where, found=said)
        return
    tell = frames.sse if told.wire == "sse" else frames.socket
    expected = [(entry.sequence, tell(entry.event)) for entry in run.log]
    seen = [(sight.sequence, frames.own_fields(sight.data)) for sight in told.seen]
    wrong = next((pair for pair in zip(seen, expected, strict=False) if pair[0] != pair[1]), None)
    whole = wrong is None and len(seen) == len(expected)
    report.check("clients saw the stored log", holds=whole, where=where, found=wrong)
    report.checked["frames compared"] += len(seen)


def _check_log(report: Report, run: StoredRun) -> None:
    """Numbers are gapless from 0, one terminal entry ends the log, writers do not come back."""
    numbers = [entry.sequence for entry in run.log]
    gapless = numbers == list(range(len(numbers)))
    report.check("logs are gapless from 0", holds=gapless, where=run.run_id, found=numbers)
    ends = [entry.sequence for entry in run.log if entry.event["type"] in TERMINAL]
    report.check("logs have one end", holds=ends == numbers[-1:], where=run.run_id, found=ends)
    writers = [entry.writer for entry in run.log if entry.writer]
    turns = [w for at, w in enumerate(writers) if at == 0 or w != writers[at - 1]]
    alone = len(turns) == len(set(turns))
    report.check("logs have one writer at a time", holds=alone, where=run.run_id, found=turns)
    ended = run.status == (run.last.get("type") or ".").split(".")[1]
    report.check("records say how runs ended", holds=ended, where=run.run_id, found=run.status)
    why = run.last.get("code", _CRASHED)
    report.check("runs fail for crashes only", holds=why == _CRASHED, where=run.run_id, found=why)
    report.checked["log entries read"] += len(numbers)


def _check_text(report: Report, run: StoredRun) -> None:
    """The answer is what was said and not discarded; each attempt knows what stands of it."""
    texts: dict[str, str] = {}
    for entry in run.log:
        event = entry.event
        match event["type"]:
            case "message.started":
                texts[event["item_id"]] = ""
            case "message.delta":
                texts[event["item_id"]] += event["text"]
            case "message.completed":
                same = texts[event["item_id"]] == event["text"]
                report.check("messages are what their words join to", holds=same, where=run.run_id)
            case "message.discarded":
                texts.pop(event["item_id"], None)
            case "run.started" | "run.completed":
                stands = "\n\n".join(texts.values())
                what = f"{event['type']} has the text that stands"
                found = (event["text"], stands)
                report.check(what, holds=event["text"] == stands, where=run.run_id, found=found)
            case _:
                pass


def _check_pairs(report: Report, run: StoredRun) -> None:
    """What was opened is closed once: tools return, messages are completed or discarded."""
    opened: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for entry in run.log:
        event = entry.event
        match event["type"]:
            case "message.started":
                opened[event["item_id"]] += 1
            case "tool.called":
                opened[event["call_id"]] += 1
            case "tool.returned":
                closed[event["call_id"]] += 1
            case "message.completed" | "message.discarded":
                closed[event["item_id"]] = 1
            case _:
                pass
    once = opened == closed and set(opened.values()) <= {1}
    left = [name for name in opened | closed if opened[name] != closed[name]]
    report.check("what opens closes, once", holds=once, where=run.run_id, found=left)


def _check_effects(
    report: Report, runs: Mapping[str, StoredRun], effects: Sequence[Row], calls: Sequence[Row]
) -> None:
    """No effect happened twice, and none is missing that the run was told of."""
    by_key = Counter((row.tool, row.key) for row in effects)
    for (tool, key), count in by_key.items():
        what = f"{tool}: at most one effect for a key"
        report.check(what, holds=count == 1, where=key, found=count)
    by_run = Counter((row.tool, row.run_id) for row in effects)
    for run in runs.values():
        for tool in _EFFECTFUL:
            # Each message asks for one booking, so a second key would be a second effect too.
            wanted = run.text.count(f"[[tool: {tool} ")
            made = by_run[tool, run.run_id]
            what = f"{tool}: at most one effect for a message"
            report.check(what, holds=made <= wanted, where=run.run_id, found=made)
            told = [e.event for e in run.log if e.event.get("name") == tool]
            ok = any(event.get("outcome") == "ok" for event in told)
            if ok:
                what = f"{tool}: told of, so made"
                report.check(what, holds=made == 1, where=run.run_id, found=made)
            for event in told:
                if event["type"] == "tool.returned":
                    report.tallies["Outcomes of effectful tools"][f"{tool} {event['outcome']}"] += 1
    ran = Counter((row.tool, row.run_id) for row in calls)
    for (tool, _), count in ran.items():
        report.tallies["Times that a tool ran in one run"][f"{tool}: {count}"] += 1


def _check_history(
    report: Report, session_id: str, lines: Sequence[dict[str, Any]], runs: Mapping[str, StoredRun]
) -> None:
    """A model would take the history as it is: calls pair with outputs, nothing is there twice."""
    by_run: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        by_run[line["message"]["run_id"]].append(line)
    for run_id, own in by_run.items():
        roles = [line["message"]["role"] for line in own]
        once = roles in (["user"], ["user", "assistant"])
        where = f"{session_id} {run_id}"
        report.check("each side speaks once a turn", holds=once, where=where, found=roles)
        items = [item for line in own for item in line["items"]]
        _check_items(report, where, items)
        run = runs.get(run_id)
        if run is not None and run.last.get("type") == "run.completed":
            said = [m["content"] for line in own if (m := line["message"])["role"] == "assistant"]
            as_told = said == [run.last["text"]]
            report.check("history has the answer that was told", holds=as_told, where=where)


def _check_items(report: Report, where: str, items: Sequence[dict[str, Any]]) -> None:
    pending: set[str] = set()
    known: set[str] = set()
    fault = ""
    for item in items:
        if item.get("type") == "function_call":
            fault = fault or (f"{item['call_id']} twice" if item["call_id"] in known else "")
            pending.add(item["call_id"])
            known.add(item["call_id"])
        elif item.get("type") == "function_call_output":
            fault = fault or ("" if item["call_id"] in pending else f"{item['call_id']} orphaned")
            pending.discard(item["call_id"])
    fault = fault or (f"unanswered {sorted(pending)}" if pending else "")
    report.check("history pairs calls and outputs", holds=not fault, where=where, found=fault)
    texts = [str(item.get("content")) for item in items if item.get("role") == "assistant"]
    doubled = [text for text, count in Counter(texts).items() if count > 1]
    report.check("history has no item twice", holds=not doubled, where=where, found=doubled)
    report.checked["history items read"] += len(items)


def _measure(
    report: Report,
    name: str,
    seen: Mapping[str, Sequence[News | Sight]],
    blows: Sequence[Blow],
) -> None:
    """Take the time from each blow to the next event; a run that is hit again counts from then."""
    struck: defaultdict[str, list[Blow]] = defaultdict(list)
    for blow in sorted(blows, key=lambda each: each.at):
        for run_id in blow.hit:
            struck[run_id].append(blow)
    for run_id, hits in struck.items():
        for blow, after in zip(hits, [*hits[1:], None], strict=True):
            last, since = blow.hit[run_id], max(blow.at, blow.since)
            news = (each.at for each in seen.get(run_id, ()) if each.sequence > last)
            at = next((at for at in news if at > since), None)
            if after is not None and (at is None or after.at < at):
                report.tallies["Not measured"][f"{name}: hit again before that"] += 1
            elif at is None:
                report.tallies["Not measured"][f"{name}: nobody looked"] += 1
            else:
                report.delays[name].add(blow.what, run_id, blow.at, at - blow.at)


def _tally(report: Report, told: Sequence[Told], holdings: Holdings) -> None:
    tables = report.tallies
    for run in holdings.runs.values():
        why = run.last.get("code", "")
        tables["Runs by their end"][f"{run.last.get('type')} {why}".strip()] += 1
        tables["Runs by attempts"][f"{run.attempts}"] += 1
    tables["Conversations over"].update(each.wire for each in told)
    for each in told:
        tables["What clients had to bear"].update(each.incidents)
