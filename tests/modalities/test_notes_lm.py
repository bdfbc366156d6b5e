"""The language model as author, with a real but tiny Llama and a tokenizer of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import shutil
import sys
import warnings
from itertools import count, islice, permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from alignment.identifiers import patient_id
from alignment.run import NotesOptions
from modalities import note_files
from modalities.notes.authors import Grammar
from modalities.notes.lm import adapter, base, generate, space, supported
from modalities.notes.lm.author import LanguageModel
from modalities.notes.lm.ct_chest import CtChest
from modalities.notes.lm.generate import Engine
from modalities.notes.lm.jobs import Draft, Job
from modalities.notes.lm.redraws import Redraws, Try
from modalities.notes.outline import GROUPS, ORGANS, group, outline
from modalities.notes.readback import Fault
from modalities.notes.report import Report
from ontology.errors import ConsilienceError

sys.path.insert(0, str(Path(__file__).parent))
from tiny_llama import make_base

KIND = CtChest()
ROOT = Path(__file__).parents[2]


def author(tiny: Path, trained: Path, **kw: Any) -> LanguageModel:
    return LanguageModel(base_model=str(tiny), adapter=str(trained), **{"rows": 4, **kw})


def short_visits(n: int) -> list[space.Case]:
    """Visits with little to say: an untrained model writes until its room is full."""
    cases = (space.case(5, index) for index in count())
    return list(islice((c for c in cases if len(KIND.prompt(outline(*c))) < 120), n))


def drafts(model: LanguageModel, visits: list[space.Case]) -> list[str]:
    said = [outline(*visit) for visit in visits]
    return [tries[0].text for tries in model.drafts(visits, said)]


@pytest.mark.parametrize(("amx", "found"), [(True, "bfloat16"), (False, "float32")])
def test_products_are_in_bfloat16_where_the_processor_multiplies_it(
    amx: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert supported.precision("auto") == found
    assert supported.precision("float32") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_draft_does_not_depend_on_who_else_is_in_the_run(
    precision: str, tiny: Path, trained: Path
) -> None:
    def model(rows: int = 4) -> LanguageModel:
        return author(tiny, trained, redraws=0, rows=rows, precision=precision)

    visits = short_visits(6)
    whole = drafts(model(), visits)
    assert len(set(whole)) == len(whole)
    assert model().version.endswith(precision)
    alone = [drafts(model(), [visit])[0] for visit in visits[:2]]
    assert alone == whole[:2]
    backwards = drafts(model(), visits[::-1])
    assert backwards[::-1] == whole
    wider = model(rows=7)
    assert drafts(wider, visits) == whole or not wider.engine.alike


def test_the_likeliest_draft_is_that_of_the_plain_model_also_where_it_goes_on(
    tiny: Path, trained: Path
) -> None:
    model = base.load(str(tiny))
    words = adapter.merge(trained, model)["vocabulary"]
    prompts = [KIND.prompt(outline(*visit)) for visit in short_visits(3)]
    ids = model.tokenizer(KIND.prefix, add_special_tokens=False)["input_ids"]
    ids += model.tokenizer(prompts[1], add_special_tokens=False)["input_ids"]
    told: list[int] = []
    with torch.inference_mode():
        for _ in range(40):
            logits = model.model(torch.tensor([[*ids, *told]])).logits[0, -1, words]
            told.append(words[int(logits.argmax())])
    plain = model.tokenizer.decode(told)
    engine = Engine(model, words=words, rows=4, temperature=1e-6)
    assert engine.alike or platform.machine() != "x86_64"
    jobs = [Job(5, patient, 0, prompt) for patient, prompt in enumerate(prompts, 1)]
    redraws = Redraws(jobs, 4, lambda _, draft: faulty(draft, len(draft.text) // 2), engine.kept)
    engine.write(KIND.prefix, jobs, redraws)
    assert redraws.visits[jobs[1].visit].tries[0].text.startswith(plain)
    for visit in redraws.visits.values():
        assert len({one.text for one in visit.told()}) == 1 and len(visit.told()) == 5


def faulty(draft: Draft, at: int) -> Try:
    return Try(draft.text, None, (Fault("invents", "text", "", at),))


def test_redraws_keep_what_stands_before_the_first_fault_that_comes_last(
    tiny: Path, trained: Path
) -> None:
    engine = author(tiny, trained).engine
    first = Job(5, 1, 0, KIND.prompt(KIND.sample(5, 1)))
    at = {0: 30, 1: 10, 2: 60, 3: 60, 4: 5}
    redraws = Redraws(
        [first], 7, lambda job, draft: faulty(draft, at.get(job.draw, 1)), engine.kept
    )
    engine.write(KIND.prefix, [first], redraws)
    told = [one.text for one in redraws.visits[first.visit].told()]
    assert len(set(told)) == 8
    for draw in (1, 2, 3):
        assert told[draw][:25] == told[0][:25]
    assert told[4][:25] != told[0][:25]
    for draw in (5, 6, 7):
        assert told[draw][:55] == told[2][:55] != told[3][:55]


def test_the_first_true_draft_in_order_counts_whichever_ends_first() -> None:
    first = Job(5, 1, 0, "")
    true = Try("true", Report("true", "model", ()), ())
    draft = Draft("text", True, (1, 2, 3))
    for order in permutations((1, 2, 3, 4)):
        judged = [faulty(draft, 2)]
        redraws = Redraws([first], 8, lambda *_, j=judged: j.pop(), lambda ids, at: tuple(ids[:at]))  # type: ignore[misc]
        following = redraws.after(first, draft)
        assert [(job.draw, job.kept) for job in following] == [
            (1, (1, 2)), (2, (1, 2)), (3, (1, 2)), (4, ())
        ]  # fmt: skip
        for draw in order:
            if redraws.needless(following[draw - 1]):
                continue
            judged.append(true if draw in (2, 3) else faulty(draft, 1))
            assert redraws.after(following[draw - 1], draft) == []
        told = redraws.visits[first.visit].told()
        assert len(told) == 3 and told[2] is true and told[1].true is None


@pytest.mark.parametrize("alike", [True, False])
def test_cores_and_clock_change_no_redraw(
    alike: bool, tiny: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(lanes: int, rows: int) -> list[list[str]]:
        monkeypatch.setattr(generate, "LANES", lanes)
        engine = author(tiny, trained, rows=rows).engine
        engine.alike = engine.alike and alike
        jobs = [Job(5, patient, 0, f"nodule {patient}") for patient in range(4)]
        redraws = Redraws(jobs, 5, one_in_three, engine.kept)
        engine.write(KIND.prefix, jobs, redraws)
        return [[one.text for one in redraws.visits[job.visit].told()] for job in jobs]

    whole = told(1, 3)
    assert max(map(len, whole)) > 1 and len({len(one) for one in whole}) > 1
    assert told(3, 3) == whole
    assert told(2, 2) == whole or not alike


def one_in_three(job: Job, draft: Draft) -> Try:
    """Calls a draft true by the hash of its text."""
    if hashlib.sha256(draft.text.encode()).digest()[0] % 3 == 0:
        return Try(draft.text, Report("true", "model", ()), ())
    return faulty(draft, 12)


def test_an_error_in_one_lane_ends_the_run_although_another_has_redraws(
    tiny: Path, trained: Path
) -> None:
    jobs = [Job(5, patient, 0, KIND.prompt(KIND.sample(5, 1))) for patient in range(9)]
    broken: list[int] = []

    def read_back(job: Job, draft: Draft) -> Try:
        if job.patient == 4:
            broken.append(job.draw)
            raise ValueError("broken")
        return faulty(draft, 5)

    engine = author(tiny, trained).engine
    with pytest.raises(ValueError, match="broken"):
        engine.write(KIND.prefix, jobs, Redraws(jobs, 8, read_back, engine.kept))
    assert len(broken) == 1


def test_a_row_keeps_to_its_jobs_where_rows_differ(tiny: Path, trained: Path) -> None:
    visits = short_visits(5)
    free, bound = (author(tiny, trained, redraws=0) for _ in range(2))
    bound.engine.alike = False
    assert drafts(free, visits) == drafts(bound, visits)


def test_the_prompt_has_the_facts_in_the_order_and_under_the_headings_of_the_text() -> None:
    styles = set()
    for index in range(200):
        said = KIND.sample(6, index)
        lines = KIND.prompt(said).splitlines()
        organs = [line[:-1] for line in lines if line[:-1] in said.organs]
        styles.add((said.style["style"], said.by_organ))
        if said.by_organ:
            told = [ORGANS[f.concept] for f in (*said.absent, *said.cleared)]
            told += [ORGANS[o.finding.concept] for o in said.seen]
            assert organs == [organ for organ in said.organs if organ in told]
            assert len([line for line in lines if line.startswith("no ")]) == len(
                {ORGANS[f.concept] for f in said.absent}
            )
        else:
            assert not organs and sum(line.startswith("no ") for line in lines) <= 1
        if said.style["style"] == "list":
            headed = [line[:-1] for line in lines if line[:-1] in [g.lower() for g in GROUPS]]
            assert headed == [g.lower() for g in GROUPS if g in {group(o) for o in said.seen}]
    assert {("structured", True), ("list", False), ("prose", True), ("prose", False)} <= styles
    assert ("structured", False) not in styles and ("list", True) not in styles


def test_no_sampled_visit_calls_stable_what_progressed_or_complete_what_is_left() -> None:
    seen = set()
    for index in range(400):
        plan, _ = space.case(6, index)
        there = [f for f in plan.findings if f.present]
        response = plan.overall_response
        seen.add(response)
        if any(f.change == "new" for f in there):
            assert response in ("PD", "NE", None)
        solid = [f for f in plan.findings if f.prior_long_mm and f.site != "pleura"]
        now, before = (sum(getattr(f, name) or 0 for f in solid)
                       for name in ("measured_long_mm", "prior_long_mm"))  # fmt: skip
        if before and now >= 1.2 * before:
            assert response in ("PD", "NE", None)
        if there:
            assert response != "CR"
    assert seen == {"CR", "PR", "SD", "PD", "NE", None}


def test_a_fault_says_from_where_the_draft_must_be_written_anew() -> None:
    said = next(s for s in (KIND.sample(4, i) for i in range(50))
                if s.style["style"] == "list" and len(s.seen) > 2)  # fmt: skip
    text = KIND.pair(said).target
    lines = text.split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith(("1. ", "- ")))
    false = "\n".join([*lines[:place], lines[place][:2] + " The heart is large.", *lines[place:]])
    _, faults = KIND.judge(said, false, "model")
    assert false[min(fault.at for fault in faults) :].lstrip().startswith("The heart is large.")
    assert KIND.judge(said, text.split("\n\n")[0], "model")[1][0].at == 0
    findings, impression = text.split("\n\n")
    false = f"{findings}\n\n1. The heart is large.\n{impression}"
    _, faults = KIND.judge(said, false, "model")
    assert false[min(fault.at for fault in faults) :].startswith("The heart is large.")


def test_a_redraw_is_another_draft_and_the_grammar_stands_in_at_last(
    tiny: Path, trained: Path
) -> None:
    visits = short_visits(2)
    model = author(tiny, trained, redraws=2)
    tries = model.drafts(visits, [outline(*visit) for visit in visits])
    assert [len({t.text for t in found}) for found in tries] == [3, 3]
    for visit, one in zip(visits, model.write(visits), strict=True):
        assert (one.report.author, one.draws) == ("grammar", 3)
        assert one.report == KIND.by_grammar(outline(*visit))
        assert one.model == model.digest


def test_a_true_draft_is_kept_with_the_characters_of_every_fact() -> None:
    said = KIND.sample(3, 4)
    report, faults = KIND.judge(said, KIND.pair(said).target, "model")
    assert faults == () and report is not None
    assert report == dataclasses.replace(KIND.by_grammar(said), author="model", facts=report.facts)
    assert {(f.finding_id, f.kind, f.value) for f in report.facts} == {
        (f.finding_id, f.kind, f.value) for f in KIND.by_grammar(said).facts
    }


def test_a_changed_later_visit_changes_no_earlier_report(
    tiny: Path, trained: Path, tmp_path: Path
) -> None:
    plan, prior = next(c for c in (space.case(8, i) for i in range(20)) if c[1] is not None)
    assert prior is not None
    first = dataclasses.replace(prior, prior_day=None, prior_date=None)
    other, _ = space.case(8, 30)
    later = dataclasses.replace(plan, overall_response="PD", findings=other.findings)
    options = NotesOptions(base_model=str(tiny), adapter=str(trained), redraws=0, batch=4)
    tables = [
        note_files.write_notes([first, last], [], options, tmp_path / name, lambda *_: None)
        for name, last in (("a", plan), ("b", later))
    ]
    assert KIND.prompt(outline(plan, prior)) != KIND.prompt(outline(later, prior))
    model = author(tiny, trained, redraws=1)
    told = [
        model.drafts(visits, [outline(*visit) for visit in visits])[0]
        for visits in ([(first, None), (plan, prior)], [(first, None), (later, prior)])
    ]
    assert [one.text for one in told[0]] == [one.text for one in told[1]] and told[0][0].text
    one, two = (table.to_pylist()[0] for table in tables)
    assert one == two
    found = note_files.summary(tables[0], options)
    assert found["by_grammar"] == 2 and "the grammar wrote 2 of 2" in found["warning"]


def test_a_whole_run_by_the_grammar_stops_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_files, "choose", lambda options: Grammar())  # as if no draft were true
    plans = [dataclasses.replace(space.case(8, 1)[0], patient_id=patient_id(i), prior_day=None,
                                 prior_date=None) for i in range(1, 22)]  # fmt: skip
    asked = NotesOptions(kinds=("ct_chest_report",))
    few = note_files.write_notes(plans[:20], [], asked, tmp_path / "few", lambda *_: None)
    assert few.num_rows == 20
    with pytest.raises(ConsilienceError, match=r"(?s)whole run.*all of the first 21.*author: gram"):
        note_files.write_notes(plans, [], asked, tmp_path / "many", lambda *_: None)
    assert not list((tmp_path / "many").rglob("*.txt"))
    wanted = asked.model_copy(update={"author": "grammar"})
    made = note_files.write_notes(plans, [], wanted, tmp_path / "wanted", lambda *_: None)
    assert made.num_rows == 21


def test_what_cannot_be_used_is_said_with_its_remedy(
    tiny: Path, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConsilienceError, match="no such base model"):
        LanguageModel(base_model="meta/none").check()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConsilienceError, match="does not load"):
        LanguageModel(base_model=str(empty)).check()
    endless = make_base(tmp_path / "endless", end=None)
    with pytest.raises(ConsilienceError, match="no end token"):
        LanguageModel(base_model=str(endless)).check()
    other = make_base(tmp_path / "other", seed=1)
    with pytest.raises(ConsilienceError, match="another base model"):
        LanguageModel(base_model=str(other), adapter=str(trained)).check()
    with pytest.raises(ConsilienceError, match=r"(?s)no adapter.*adapter_model"):
        LanguageModel(base_model=str(tiny), adapter=str(empty)).check()
    author(tiny, trained).check()


@pytest.mark.parametrize("which", ["base", "adapter"])
def test_weights_that_lost_their_end_are_refused_before_the_work(
    which: str, tiny: Path, trained: Path, tmp_path: Path
) -> None:
    folders = {"base": tmp_path / "base", "adapter": tmp_path / "adapter"}
    shutil.copytree(tiny, folders["base"])
    shutil.copytree(trained, folders["adapter"])
    (file,) = folders[which].glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-8])
    model = LanguageModel(base_model=str(folders["base"]), adapter=str(folders["adapter"]))
    with pytest.raises(ConsilienceError, match=f"(?s){file.name}.*remedy"):
        model.check()


def test_a_prompt_past_the_context_is_refused(tiny: Path, trained: Path) -> None:
    plan, _ = space.case(5, 1)
    found = plan.findings[0]
    many = tuple(dataclasses.replace(found, finding_id=f"L{i:03d}") for i in range(200))
    plan = dataclasses.replace(plan, findings=many)
    _, prior = space.case(5, 1)
    with pytest.raises(ConsilienceError, match="too long for the model"):
        author(tiny, trained).write([(plan, prior)])


def test_a_plan_without_findings_is_refused(tiny: Path, trained: Path) -> None:
    plan = dataclasses.replace(space.case(5, 1)[0], findings=(), prior_day=None, prior_date=None)
    with pytest.raises(ConsilienceError, match="cannot be reported"):
        author(tiny, trained).write([(plan, None)])


def test_loading_and_merging_say_nothing(
    tiny: Path, trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapter.merge(trained, base.load(str(tiny)))
    assert capfd.readouterr() == ("", "")
