"""One reading from opening to the second addendum, as the window drives it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from spinealign.domain.errors import (
    CorrectionsError,
    CorrectionsProblem,
    ExportError,
    ReadingError,
    ReadingProblem,
)
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import Corrections
from spinealign.domain.image import DecisionSource, KindCheck
from spinealign.domain.measurements import (
    Drawing,
    DrawingTool,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, MeasureCode
from spinealign.domain.reading import (
    AddendumDraft,
    Decision,
    GradeScale,
    GradeValue,
    Joined,
    NameValue,
    ReadingStatus,
)
from spinealign.domain.report_details import ReportDetails
from spinealign.export.report_content import report_content
from spinealign.reading import signing as signing_module
from spinealign.reading import store as store_module
from spinealign.reading.decisions import told_changes
from spinealign.reading.findings import findings_of
from spinealign.reading.session import ReadingSession
from spinealign.reading.signing import (
    corrections_as_signed,
    corrections_checksum,
    differs_from_signed,
)
from spinealign.reading.store import IN_USE, ReadingStore, image_of
from spinealign.wording.failures import explain
from spinealign.wording.reading_page import reading_lines, time_text
from spinealign.wording.reading_window import disagreement_text, rests_on_text
from spinealign.wording.report import CHANGED_SINCE_SIGNED, PICTURE_CAPTION_CHANGED
from tests.examinations import SPINE_MR
from tests.killed_readings import begun, read_in
from tests.readings import (
    NOW,
    SICK,
    Clock,
    back_analysis,
    degrees,
    forced_analysis,
    measured,
    neck_analysis,
    pfirrmann,
    store_in,
)

COBB = "measure/cobb_c2_c7/C2/C7"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> ReadingStore:
    return store_in(tmp_path)


def opened(store: ReadingStore, analysis=None, reader: str = "") -> ReadingSession:
    return ReadingSession(analysis or neck_analysis(), store, reader, Clock())


def on_disk(store: ReadingStore, analysis=None):
    return store.load(image_of(analysis or neck_analysis())).reading


def test_looking_writes_nothing(store: ReadingStore, tmp_path: Path):
    session = opened(store)
    assert session.status is ReadingStatus.AUTOMATIC
    assert session.reading.impression.text == ""
    assert [f.key for f in session.pending][:1] == ["measure/translation/C4/C5"]
    assert not (tmp_path / "profile").exists()


def test_each_step_is_on_the_disk_before_it_returns(store: ReadingStore):
    session = opened(store, reader="A. Reader")
    for work in (
        lambda: session.decide(COBB, Decision.CHANGED, degrees(4.0)),
        lambda: session.decide("levels", Decision.REJECTED),
        session.undo,
        session.accept_rest,
        lambda: session.write_impression("Mine."),
        session.take_offered_impression,
        session.sign,
        lambda: session.add_addendum("More.", "forgotten"),
    ):
        made = work()
        assert on_disk(store) == made == session.reading
    assert made.status is ReadingStatus.AMENDED
    assert made.version == 2


def test_a_reading_goes_on_after_closing(store: ReadingStore):
    opened(store).decide(COBB, Decision.CHANGED, degrees(4.0))
    again = opened(store)
    assert again.status is ReadingStatus.BEING_READ
    assert next(r for r in again.read if r.finding.key == COBB).said.value == degrees(4.0)
    assert not again.can_undo


def test_everything_undone_leaves_no_draft(store: ReadingStore):
    session = opened(store)
    session.decide(COBB, Decision.ACCEPTED)
    session.accept_all(("levels", "examination"))
    session.undo()
    session.undo()
    assert session.status is ReadingStatus.AUTOMATIC
    assert on_disk(store) is None
    assert session.undo() == session.reading


def test_a_line_is_accepted_in_one_step(store: ReadingStore):
    session = opened(store, back_analysis())
    line = next(line for line in session.page.lines if line.key == "disc/L5/S1")
    session.accept_all(tuple(finding.key for finding in line.findings))
    assert len(session.reading.decisions) == 3
    assert session.reading.impression.text.startswith("L5/S1: disc herniation; disc deg")
    assert session.undo().decisions == ()


def test_a_disc_is_changed_in_one_step_that_a_moved_point_does_not_make_final(store):
    session = opened(store, back_analysis())
    line = next(line for line in session.page.lines if line.key == "disc/L5/S1")
    wanted = {finding.key: (Decision.REJECTED, None) for finding in line.findings}
    pfirrmann = next(f for f in line.findings if f.code == "pfirrmann")
    wanted[pfirrmann.key] = (Decision.CHANGED, GradeValue(GradeScale.PFIRRMANN, 2))
    session.decide_all(wanted)
    assert {d.decision for d in session.reading.decisions} == {Decision.REJECTED, Decision.CHANGED}
    session.follow(back_analysis())
    assert session.can_undo
    assert session.undo().decisions == ()


def test_signing_freezes_the_findings_as_they_were_read(store: ReadingStore):
    session = opened(store, back_analysis())
    session.decide("disc_grade/pfirrmann/L4/L5", Decision.CHANGED, pfirrmann(3))
    session.decide("disc_grade/modic/L5/S1", Decision.REJECTED)
    session.accept_rest()
    signed = session.sign(" A. Reader ")
    assert signed.reader == "A. Reader"
    assert {decision.reader for decision in signed.decisions} == {"A. Reader"}
    assert len(signed.statements) == len(signed.decisions)
    assert "L4/L5 Pfirrmann grade: 3; changed by the reader (automatic: 5)." in signed.statements
    assert "L5/S1 Modic change: rejected by the reader (automatic: yes)." in signed.statements
    assert {model.name for model in signed.models} == {"mr_sagittal_unet"}
    keys = {finding.key for finding in signed.findings}
    assert {decision.key for decision in signed.decisions} <= keys
    assert "disc_grade/herniation/L4/L5" in keys  # a doubt is told as one
    assert "measure/canal_diameter/L1/L2" not in keys  # a detail that nobody decided on
    other = opened(store, back_analysis(told={}))
    assert other.findings == signed.findings
    assert other.reading == signed


@pytest.mark.parametrize(
    ("prepare", "reader", "problem"),
    [
        (lambda s: None, "A", ReadingProblem.UNDECIDED),
        (lambda s: s.accept_rest(), " ", ReadingProblem.NO_READER),
        (
            lambda s: (s.accept_rest(), s.write_impression(" ")),
            "A",
            ReadingProblem.NO_TEXT,
        ),
        (
            lambda s: (
                s.accept_rest(),
                s.decide("levels", Decision.CHANGED, NameValue("C3 C4 C5 C6 C7 T1")),
            ),
            "A",
            ReadingProblem.NOT_CARRIED_OUT,
        ),
        (
            lambda s: (s.accept_rest(), s.follow(neck_analysis(cobb_deg=3.0))),
            "A",
            ReadingProblem.UNDECIDED,
        ),
    ],
    ids=["undecided", "nobody", "no-text", "levels-not-renamed", "outdated"],
)
def test_what_cannot_be_signed(store, prepare, reader, problem):
    session = opened(store)
    prepare(session)
    with pytest.raises(ReadingError) as caught:
        session.sign(reader)
    assert caught.value.problem is problem
    assert not session.status.is_verified
    assert explain(caught.value).advice


def test_an_addendum_needs_a_signed_reading_text_and_reason(store: ReadingStore):
    session = opened(store)
    with pytest.raises(ReadingError) as caught:
        session.add_addendum("More.", "forgotten", "A")
    assert caught.value.problem is ReadingProblem.NOT_SIGNED
    session.accept_rest()
    signed = session.sign("A. Reader")
    for text, reason, problem in (
        (" ", "why", ReadingProblem.NO_TEXT),
        ("More.", "", ReadingProblem.NO_REASON),
    ):
        with pytest.raises(ReadingError) as caught:
            session.add_addendum(text, reason)
        assert caught.value.problem is problem
    assert session.reading == on_disk(store) == signed


def test_a_signed_reading_takes_an_addendum_only(store: ReadingStore):
    session = opened(store)
    session.accept_rest()
    signed = session.sign("A. Reader")
    for work in (
        lambda: session.decide(COBB, Decision.REJECTED),
        lambda: session.accept_all((COBB,)),
        session.accept_rest,
        session.undo,
        lambda: session.write_impression("Else."),
        session.take_offered_impression,
        lambda: session.name_reader("B"),
        lambda: session.sign("B"),
    ):
        with pytest.raises(ReadingError) as caught:
            work()
        assert caught.value.problem is ReadingProblem.SIGNED_ALREADY
    assert session.follow(neck_analysis(cobb_deg=-20.0)) == signed
    amended = session.add_addendum("More.", "forgotten", "B. Reader")
    assert amended.with_changes(addenda=()) == signed
    assert session.versions == (signed, amended)
    assert (session.pending, session.can_undo) == ((), False)


def test_a_moved_point_makes_a_decision_outdated_and_the_impression_follows(store):
    session = opened(store)
    session.decide(COBB, Decision.ACCEPTED)
    assert "12.0°" in session.reading.impression.text
    session.follow(neck_analysis(cobb_deg=3.0, automatic_deg=12.0))
    assert "Cobb" not in session.reading.impression.text
    assert next(r for r in session.read if r.finding.key == COBB).is_outdated
    session.decide(COBB, Decision.ACCEPTED)
    assert "3.0°" in session.reading.impression.text


def test_another_picture_is_not_followed(store: ReadingStore):
    session = opened(store)
    with pytest.raises(ValueError, match="another picture"):
        session.follow(back_analysis())


def test_an_impression_of_the_reader_s_own_is_offered_a_new_one(store: ReadingStore):
    session = opened(store)
    session.decide(COBB, Decision.ACCEPTED)
    assert session.offered_impression == ""
    session.write_impression("Mine.")
    assert session.offered_impression == (
        "Within reference limits: C2–C7 Cobb lordosis 12.0°.\nMine."
    )
    session.decide(COBB, Decision.REJECTED)
    assert session.reading.impression.text == "Mine."
    session.undo()
    session.take_offered_impression()
    assert session.reading.impression.text == (
        "Within reference limits: C2–C7 Cobb lordosis 12.0°.\nMine."
    )


def test_decisions_carry_the_name_of_who_made_them(store: ReadingStore):
    session = opened(store)
    session.decide(COBB, Decision.ACCEPTED)
    session.name_reader("B. Reader")
    session.decide("levels", Decision.ACCEPTED)
    session.accept_rest()
    signed = session.sign("A. Reader")
    names = {decision.key: decision.reader for decision in signed.decisions}
    assert (names[COBB], names["levels"]) == ("A. Reader", "B. Reader")


def test_a_reading_of_another_kind_is_told(store: ReadingStore):
    neck = neck_analysis()
    forced = replace(forced_analysis(), image=neck.image, examination=back_analysis().examination)
    opened(store, forced).decide("examination", Decision.ACCEPTED)
    session = opened(store)
    assert session.is_of_another_view
    session.decide(COBB, Decision.ACCEPTED)
    assert not session.is_of_another_view


def test_a_picture_without_result_is_signed_with_the_reader_s_text(store: ReadingStore):
    session = opened(store, forced_analysis())
    session.accept_rest()
    with pytest.raises(ReadingError):
        session.sign("A. Reader")
    session.write_impression("Not a spine.")
    assert session.sign("A. Reader").impression.text == "Not a spine."


def test_a_step_that_cannot_be_written_is_not_made(store: ReadingStore, monkeypatch):
    session = opened(store)
    session.decide(COBB, Decision.ACCEPTED)
    before = session.reading

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "write_durably", full)
    for work in (
        lambda: session.decide("levels", Decision.ACCEPTED),
        session.accept_rest,
        lambda: session.write_impression("Mine."),
    ):
        with pytest.raises(ExportError):
            work()
        assert session.reading == before == on_disk(store)


def test_a_spoilt_signed_reading_is_told_and_not_gone_on_with(store, tmp_path):
    session = opened(store)
    session.accept_rest()
    session.sign("A. Reader")
    path = next(tmp_path.rglob("version-0001.json"))
    path.write_text(path.read_text().replace("lordosis", "kyphosis"))
    again = opened(store)
    assert [fault.problem.value for fault in again.faults] == ["changed"]
    assert not again.status.is_verified
    with pytest.raises(ReadingError) as caught:
        again.decide(COBB, Decision.ACCEPTED)
    assert caught.value.problem is ReadingProblem.SIGNED_ALREADY
    assert path.name in explain(again.faults[0]).sentence


# Levels and kind


LOWER = "C3 C4 C5 C6 C7 T1"


def renamed(analysis=None):
    """Return the neck after a person shifted its levels by one."""
    before = analysis or neck_analysis()
    bodies = zip(before.vertebrae, LOWER.split(" "), strict=True)
    vertebrae = tuple(replace(body, level=name) for body, name in bodies)
    return replace(before, vertebrae=vertebrae, automatic=before)


def test_levels_changed_on_the_picture_are_kept_as_changed(store: ReadingStore):
    session = opened(store, reader="A. Reader")
    session.follow(renamed())
    made = on_disk(store).decision_on("levels")
    assert (made.decision, made.human) == (Decision.CHANGED, NameValue(LOWER))
    assert made.automatic == made.shown == NameValue("C2 C3 C4 C5 C6 C7")
    assert (made.reader, made.decided_utc > NOW) == ("A. Reader", True)
    session.accept_rest()
    signed = session.sign()
    [told] = [line for line in signed.statements if line.startswith("Levels")]
    assert told == "Levels: C3 to T1; changed by the reader (automatic: C2 to C7)."
    assert told_changes(signed) == (
        f"{told.removesuffix('.')}; A. Reader, {time_text(made.decided_utc)}.",
    )


def test_levels_put_back_on_the_picture_are_no_change(store: ReadingStore):
    session = opened(store)
    session.follow(renamed())
    session.follow(neck_analysis())
    assert session.reading.decision_on("levels") is None
    assert on_disk(store) is None


def test_a_decision_that_the_picture_does_not_follow_yet_stays(store: ReadingStore):
    session = opened(store)
    session.decide("levels", Decision.CHANGED, NameValue(LOWER))
    session.follow(neck_analysis(cobb_deg=3.0))
    assert session.reading.decision_on("levels").human == NameValue(LOWER)
    session.follow(renamed())
    assert session.reading.decision_on("levels").human == NameValue(LOWER)


def test_levels_changed_before_the_reading_are_changed_when_they_are_accepted(store):
    session = opened(store, renamed())
    session.decide(COBB, Decision.ACCEPTED)
    assert session.reading.decision_on("levels") is None
    session.accept_rest()
    assert session.reading.decision_on("levels").decision is Decision.CHANGED
    assert session.reading.decision_on("examination").decision is Decision.ACCEPTED


def test_a_kind_that_the_reader_chose_is_kept_beside_the_program_s(store: ReadingStore):
    neck = neck_analysis()
    check = KindCheck(ImageKind.OTHER_RADIOGRAPH, False, overruled=True)
    forced = replace(neck, decided_by=DecisionSource.USER, kind_check=check)
    session = opened(store, replace(neck, examination=back_analysis().examination))
    session.follow(forced)
    made = session.reading.decision_on("examination")
    assert (made.decision, made.human) == (Decision.CHANGED, NameValue(neck.examination.kind.value))
    assert made.automatic is None
    assert "changed by the reader (automatic: not determined)" in told_changes(session.reading)[0]


def without_cobb():
    """Return the neck after a body that its angle needs was deleted."""
    before = neck_analysis()
    gone = Unmeasurable(UnmeasurableReason.REMOVED, ("C7",))
    angle, *rest = before.measurements
    lost = replace(angle, value=None, interval=None, points=(), unmeasurable=gone)
    return replace(before, measurements=(lost, *rest), automatic=before)


def test_a_decision_on_what_can_no_longer_be_told_does_not_stand_in_the_way(store):
    session = opened(store, reader="A. Reader")
    session.decide(COBB, Decision.ACCEPTED)
    session.follow(without_cobb())
    assert COBB not in [finding.key for finding in session.pending]
    session.accept_rest()
    assert session.pending == ()
    signed = session.sign()
    assert signed.decision_on(COBB) is None
    assert not [line for line in signed.statements if line.startswith("C2–C7 Cobb")]


def test_an_impression_that_says_what_was_rejected_is_told(store: ReadingStore):
    session = opened(store, neck_analysis(cobb_deg=-17.8))
    session.decide(COBB, Decision.ACCEPTED)
    session.write_impression("C2–C7 Cobb kyphosis 17.8°, as before.")
    assert not session.disagreement
    session.decide(COBB, Decision.REJECTED)
    assert session.disagreement.overruled == ("C2–C7 Cobb kyphosis 17.8°",)
    session.decide(COBB, Decision.CHANGED, degrees(25.5))
    assert session.disagreement.overruled == ("C2–C7 Cobb kyphosis 17.8°",)
    session.write_impression("Neck: C2–C7 Cobb lordosis -17.8°.")
    assert session.disagreement.overruled == ("C2–C7 Cobb lordosis -17.8°",)
    session.write_impression("Lordosis 25.5°.")
    assert not session.disagreement


def test_a_sentence_of_a_value_that_the_reader_changed_and_then_rejected_is_told(store):
    session = opened(store, neck_analysis(cobb_deg=-17.8))
    session.accept_rest()
    session.decide(COBB, Decision.CHANGED, degrees(5.0))
    [said] = [line for line in session.reading.impression.text.splitlines() if " 5.0°" in line]
    session.write_impression(f"{session.reading.impression.text} No swelling.")
    assert not session.disagreement
    session.decide(COBB, Decision.REJECTED)
    assert session.disagreement.stale == (said,)
    session.write_impression(f"{session.reading.impression.text} Nor haematoma.")
    assert session.disagreement.stale == (said,)  # typing elsewhere does not make it true
    assert said.removesuffix(".") in disagreement_text(session.disagreement)
    again = opened(store, neck_analysis(cobb_deg=-17.8))
    assert again.disagreement.stale == (said,)
    session.write_impression("No swelling.")
    assert not session.disagreement
    assert disagreement_text(session.disagreement) == ""


def test_an_abnormal_finding_accepted_after_the_impression_was_typed_is_told_if_it_lacks(store):
    session = opened(store, back_analysis())
    session.write_impression("Mine.")
    assert not session.disagreement
    session.accept_rest()
    missing = session.disagreement.missing
    assert any("height loss" in sentence for sentence in missing)
    assert not any(sentence.startswith("Otherwise") for sentence in missing)
    assert "It does not say “" in disagreement_text(session.disagreement)
    session.write_impression("All that is my own.")  # seen, and left out on purpose
    assert not session.disagreement


def test_what_two_windows_typed_is_compared_with_what_either_followed(store):
    first, second = (opened(store, neck_analysis(), "A. Reader") for _ in range(2))
    first.accept_rest()
    first.write_impression(f"{first.reading.impression.text}\nOne.")
    second.write_impression("Two.")
    assert second.reading.impression.followed == first.reading.impression.followed


@pytest.mark.parametrize(
    ("key", "decision", "human", "said"),
    [
        ("disc_grade/bulging/L4/L5", Decision.REJECTED, None, "L4/L5: bulging"),
        ("disc_grade/pfirrmann/L4/L5", Decision.CHANGED, 3, "L4/L5: Pfirrmann grade 5"),
        ("height_loss/L1", Decision.REJECTED, None, "L1: height loss"),
        ("disc_grade/bulging/L1/L2", Decision.REJECTED, None, ""),
    ],
)
def test_grades_that_were_overruled_are_looked_for_on_the_line_of_their_level(
    store, key, decision, human, said
):
    session = opened(store, back_analysis())
    session.accept_rest()
    typed = "\n".join(f"{line} Mine." for line in session.reading.impression.text.splitlines())
    session.write_impression(typed.replace(": ", ":  ").replace(".", ";"))
    session.decide(key, decision, None if human is None else pfirrmann(human))
    assert session.disagreement.overruled == ((said,) if said else ())


def test_all_that_could_not_be_told_is_listed_after_signing_too(store: ReadingStore):
    neck = neck_analysis()
    lost = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",))
    segment = measured(
        MeasureCode.TRANSLATION, None, ("C6", "C7"), place=4, unmeasurable=lost, points=()
    )
    session = opened(store, replace(neck, measurements=(*neck.measurements, segment)), "A. Reader")
    before = [finding.key for finding in session.page.doubts]
    assert "measure/translation/C6/C7" in before
    session.accept_rest()
    session.sign()
    assert [finding.key for finding in session.page.doubts] == before


# A result that is changed after it was signed


def corrected(analysis=None, **changes):
    """Return the neck with a body that a person moved."""
    before = analysis or neck_analysis()
    first, *rest = before.vertebrae
    moved = replace(first, outline=tuple((x + 1.0, y) for x, y in first.outline))
    corrections = Corrections((moved, *rest), **changes)
    return replace(
        before, vertebrae=corrections.vertebrae, corrections=corrections, automatic=before
    )


def dated(analysis):
    """Return an analysis whose examination got a date from a person, and nothing else."""
    given = replace(analysis.uncorrected, examination_date=date(2024, 3, 1))
    return replace(analysis, corrections=given, automatic=analysis)


def signed_session(store: ReadingStore, analysis) -> ReadingSession:
    session = opened(store, analysis, "A. Reader")
    session.accept_rest()
    session.sign()
    return session


@pytest.mark.parametrize(
    ("signed", "now", "is_changed"),
    [
        (neck_analysis(), neck_analysis(), False),
        (corrected(), corrected(), False),
        (corrected(), corrected(examination_date=date(2024, 3, 1)), False),
        (neck_analysis(), corrected(), True),
        (corrected(), neck_analysis(), True),
        (corrected(), corrected(is_bent=True), True),
        (neck_analysis(), neck_analysis(cobb_deg=13.0), True),
        (neck_analysis(), replace(neck_analysis(), measurements=()), True),
        (neck_analysis(), renamed(), True),
    ],
    ids=[
        "same", "same-corrected", "dated", "moved", "put-back", "bent", "value", "gone", "renamed",
    ],
)  # fmt: skip
def test_a_result_that_is_not_the_one_signed_is_noticed(store, signed, now, is_changed):
    assert not signed_session(store, signed).is_changed_since_signed
    again = opened(store, now)
    assert again.is_changed_since_signed is is_changed
    assert not again.faults
    details = ReportDetails(reading=again.reading)
    content = report_content(now, details)
    assert (CHANGED_SINCE_SIGNED in content.warned) is is_changed
    assert (content.picture_caption == PICTURE_CAPTION_CHANGED) is is_changed


def test_a_signed_reading_of_an_earlier_program_is_judged_by_its_values(store: ReadingStore):
    reading = signed_session(store, neck_analysis()).reading
    earlier = reading.with_changes(corrections_sha256=None)
    for now, is_changed in ((corrected(), False), (neck_analysis(cobb_deg=13.0), True)):
        assert differs_from_signed(now, findings_of(now), earlier) is is_changed


class TestSignedCorrections:
    """What a signature rests on is kept with it, whatever becomes of the file beside the image."""

    def test_what_was_signed_is_shown_where_other_or_no_corrections_lie(self, store):
        analysis = corrected()
        signed_session(store, analysis)
        automatic = analysis.automatic
        other = corrected(is_bent=True, examination_date=date(2024, 3, 1)).corrections
        assert store.corrections_that_hold(automatic, None) == analysis.corrections
        shown = store.corrections_that_hold(automatic, other)
        assert shown == replace(analysis.corrections, examination_date=date(2024, 3, 1))
        again = opened(store, replace(analysis, corrections=shown))
        assert not again.is_changed_since_signed
        again.add_addendum("More.", "forgotten")
        assert store.corrections_that_hold(automatic, other) == shown

    def test_what_was_signed_without_corrections_is_shown_without(self, store):
        signed_session(store, neck_analysis())
        held = store.corrections_that_hold(neck_analysis(), corrected().corrections)
        assert held == neck_analysis().uncorrected
        assert store.corrections_that_hold(neck_analysis(), None) is None

    def test_the_signed_ones_beside_the_image_stay_as_they_are(self, store):
        signed_session(store, corrected())
        dated_later = corrected(examination_date=date(2024, 3, 1)).corrections
        assert store.corrections_that_hold(neck_analysis(), dated_later) is dated_later

    def test_a_date_is_not_signed(self, store):
        session = signed_session(store, corrected(examination_date=date(2024, 3, 1)))
        assert session.reading.corrections == corrected().corrections

    def test_without_a_signature_that_holds_the_file_beside_the_image_does(self, store, tmp_path):
        beside = corrected(is_bent=True).corrections
        draft = opened(store, corrected(), "A. Reader")
        draft.decide(COBB, Decision.ACCEPTED)
        assert draft.reading.corrections is None
        assert store.corrections_that_hold(neck_analysis(), beside) is beside
        signed_session(store, corrected()).add_addendum("More.", "forgotten")
        [version] = tmp_path.rglob("version-0002.json")
        version.write_text(version.read_text().replace('"outline":[[', '"outline":[[1', 1))
        assert store.load(image_of(neck_analysis())).faults
        assert store.corrections_that_hold(neck_analysis(), beside) is beside

    def test_another_kind_of_examination_has_corrections_of_its_own(self, store):
        reading = signed_session(store, corrected()).reading
        other = reading.with_changes(view="sagittal")
        beside = corrected(is_bent=True).corrections
        assert corrections_as_signed(neck_analysis(), other, beside) is beside

    def test_an_earlier_program_kept_the_checksum_only(self, store):
        reading = signed_session(store, corrected()).reading.with_changes(corrections=None)
        for beside in (None, corrected().corrections, corrected(is_bent=True).corrections):
            assert corrections_as_signed(neck_analysis(), reading, beside) is beside
        older = reading.with_changes(corrections_sha256=None)
        assert corrections_as_signed(neck_analysis(), older, beside) is beside


# Two windows


def both(store: ReadingStore) -> tuple[ReadingSession, ReadingSession]:
    """Return two windows at the same reading, begun by the first one."""
    one = opened(store, reader="A. Reader")
    one.decide("levels", Decision.ACCEPTED)
    return one, opened(store, reader="B. Reader")


def decided(reading):
    return {made.key: (made.decision, made.human) for made in reading.decisions}


def test_what_two_windows_decide_is_put_together(store: ReadingStore):
    one, other = both(store)
    other.decide(COBB, Decision.CHANGED, degrees(4.0))
    one.decide("examination", Decision.ACCEPTED)
    assert one.joined is Joined.DECISIONS
    assert decided(on_disk(store)) == decided(one.reading) == {
        "levels": (Decision.ACCEPTED, None),
        COBB: (Decision.CHANGED, degrees(4.0)),
        "examination": (Decision.ACCEPTED, None),
    }  # fmt: skip
    assert "4.0°" in one.reading.impression.text
    assert {made.key: made.reader for made in one.reading.decisions}[COBB] == "B. Reader"


def test_undoing_in_one_window_leaves_what_the_other_decided(store: ReadingStore):
    one, other = both(store)
    other.decide(COBB, Decision.REJECTED)
    one.decide("examination", Decision.ACCEPTED)
    one.undo()
    one.undo()
    assert list(decided(on_disk(store))) == [COBB]
    other.undo()
    assert on_disk(store) is None


def test_two_windows_that_contradict_each_other_lose_nothing(store: ReadingStore):
    one, other = both(store)
    other.decide(COBB, Decision.REJECTED)
    with pytest.raises(ReadingError) as caught:
        one.decide(COBB, Decision.ACCEPTED)
    assert caught.value.problem is ReadingProblem.CHANGED_ELSEWHERE
    assert caught.value.keys == (COBB,)
    assert decided(one.reading)[COBB] == decided(on_disk(store))[COBB] == (Decision.REJECTED, None)
    one.decide(COBB, Decision.ACCEPTED)  # having seen it
    assert decided(on_disk(store))[COBB] == (Decision.ACCEPTED, None)


def test_what_two_windows_type_stands_in_the_impression(store: ReadingStore):
    one, other = both(store)
    one.write_impression("Straight.")
    assert other.write_impression("Old.").impression.text == "Straight.\nOld."
    assert other.joined is Joined.TEXTS
    assert one.write_impression("Straight neck.").impression.text == "Straight neck.\nOld."
    assert on_disk(store) == one.reading


def test_what_another_window_changed_is_looked_at_before_it_is_signed(store: ReadingStore):
    one, other = both(store)
    one.accept_rest()
    other.write_impression("Old.")
    with pytest.raises(ReadingError) as caught:
        one.sign("A. Reader")
    assert caught.value.problem is ReadingProblem.CHANGED_ELSEWHERE
    assert not one.status.is_verified
    assert one.reading.impression.text == "Old."
    assert one.sign("A. Reader").status is ReadingStatus.SIGNED


def test_a_reading_signed_in_another_window_keeps_what_is_typed(store: ReadingStore):
    one, other = both(store)
    one.accept_rest()
    signed = one.sign("A. Reader")
    with pytest.raises(ReadingError) as caught:
        other.write_impression("And a rib.")
    assert caught.value.problem is ReadingProblem.SIGNED_ELSEWHERE
    assert other.reading == signed
    assert other.versions == (signed,)
    assert opened(store).addendum_draft == AddendumDraft("And a rib.", "", "B. Reader")
    with pytest.raises(ReadingError):
        other.decide(COBB, Decision.REJECTED)


@pytest.mark.skipif(os.name == "nt", reason="marks of Windows cannot be tried without waiting")
def test_looking_and_writing_are_one_step_for_other_windows(store, monkeypatch, tmp_path):
    import fcntl

    session, write, tried = opened(store), store_module.write_durably, []

    def written(path: Path, content: bytes) -> None:
        mark_path = next(tmp_path.rglob(IN_USE))
        with mark_path.open("rb") as mark, pytest.raises(BlockingIOError):
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(path.name)
        write(path, content)

    monkeypatch.setattr(store_module, "write_durably", written)
    session.accept_rest()
    session.sign("A. Reader")
    session.write_addendum_draft(AddendumDraft("More."))
    assert (tried[0], tried[-1]) == ("draft.json", "addendum.json")


# An addendum that is being typed


def test_an_addendum_is_kept_until_it_is_signed(store: ReadingStore):
    session = opened(store)
    session.accept_rest()
    session.sign("A. Reader")
    session.write_addendum_draft(AddendumDraft("More.", "forg"))
    again = opened(store)
    assert again.addendum_draft == AddendumDraft("More.", "forg")
    assert again.status is ReadingStatus.SIGNED
    again.add_addendum("More.", "forgotten")
    assert opened(store).addendum_draft == again.addendum_draft == AddendumDraft()


def test_an_addendum_that_is_discarded_is_gone(store: ReadingStore):
    session = opened(store)
    session.write_addendum_draft(AddendumDraft("More."))
    session.write_addendum_draft(AddendumDraft(" "))
    assert opened(store).addendum_draft == AddendumDraft()


def test_addenda_typed_in_two_windows_are_both_kept(store: ReadingStore):
    one = opened(store)
    one.accept_rest()
    one.sign("A. Reader")
    other = opened(store)
    one.write_addendum_draft(AddendumDraft("A rib.", "asked", "A. Reader"))
    kept = other.write_addendum_draft(AddendumDraft("C7."))
    assert kept == AddendumDraft("A rib.\nC7.", "asked", "A. Reader")
    later = other.write_addendum_draft(AddendumDraft(kept.text, "asked", "B. Reader"))
    assert later.reader == opened(store).addendum_draft.reader == "B. Reader"
    one.add_addendum("A rib.", "asked")  # without what the other typed
    assert opened(store).addendum_draft.text == "A rib.\nC7."
    with pytest.raises(ReadingError) as caught:
        other.add_addendum("C7.", "asked")
    assert caught.value.problem is ReadingProblem.SIGNED_ELSEWHERE
    assert other.add_addendum("C7.", "asked").version == 3


# Killed


MOMENTS = 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_of_fifty_moments_loses_nothing_acknowledged(tmp_path: Path):
    expected = read_in(tmp_path / "expected")
    said = subprocess.run(
        [sys.executable, "-m", "tests.killed_readings", str(tmp_path), str(MOMENTS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    killed = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(killed) == MOMENTS
    assert {0, len(expected) - 1} <= {each["acknowledged"] for each in killed}
    for each in killed:
        session, done = begun(tmp_path / str(each["moment"])), each["acknowledged"]
        assert session.faults == ()
        before = [expected[done - 1]] if done else []
        is_new = done == 0 and session.status is ReadingStatus.AUTOMATIC
        assert is_new or session.reading in [*before, expected[done]], each
        for earlier in session.versions:
            assert earlier in expected


class TestCorrectionsOfASignedReading:
    """A window that began a correction before another one signed does not write it."""

    def written(self, store, analysis, kept=None):
        """Return whether corrections may be written where the disk has those of `kept`."""
        on_disk = None if kept is None else kept.corrections
        try:
            with store.corrections_held(analysis, lambda: on_disk):
                return True
        except ReadingError as error:
            return error.problem is not ReadingProblem.CHANGES_WHAT_IS_SIGNED

    def test_before_it_is_signed_everything_is(self, store):
        opened(store, neck_analysis(), "A. Reader").accept_rest()
        assert self.written(store, corrected())

    @pytest.mark.parametrize(
        ("signed", "now", "is_written"),
        [
            (neck_analysis(), corrected(), False),
            (corrected(), neck_analysis(), False),
            (corrected(), corrected(is_bent=True), False),
            (corrected(), corrected(), True),
            (corrected(), corrected(examination_date=date(2024, 3, 1)), True),
            (neck_analysis(), dated(neck_analysis()), True),
            (corrected(), dated(neck_analysis()), False),
            (neck_analysis(), replace(neck_analysis(), examination=SPINE_MR), False),
        ],
        ids=[
            "moved", "put-back", "bent", "same", "dated", "only-dated", "only-dated-and-put-back",
            "another-kind",
        ],
    )  # fmt: skip
    def test_only_the_signed_result_is(self, store, signed, now, is_written):
        signed_session(store, signed)
        assert self.written(store, now, kept=signed) is is_written

    def test_what_is_there_already_may_get_a_date(self, store):
        signed_session(store, neck_analysis())
        there = corrected()
        assert self.written(store, corrected(examination_date=date(2024, 3, 1)), kept=there)

    def test_a_signed_version_that_is_damaged_protects_its_picture_as_well(self, store, tmp_path):
        signed_session(store, neck_analysis())
        [version] = tmp_path.rglob("version-0001.json")
        version.write_text("{}")
        assert not self.written(store, corrected())
        assert self.written(store, dated(neck_analysis()))

    def test_damaged_corrections_on_the_disk_are_not_those_that_were_signed(self, store):
        signed_session(store, neck_analysis())

        def broken():
            raise CorrectionsError(Path("neck.png"), CorrectionsProblem.BROKEN)

        with pytest.raises(ReadingError), store.corrections_held(corrected(), broken):
            pass

    def test_nobody_signs_meanwhile(self, store, monkeypatch):
        held = []
        monkeypatch.setattr(store_module, "held_alone", lambda path: noted(held, path.name))
        with store.corrections_held(corrected(), lambda: None):
            assert held == [IN_USE]
        assert held == []

    def test_where_the_profile_cannot_be_written_nobody_signs(self, store, monkeypatch):
        def full(*_):
            raise OSError(28, "full")

        monkeypatch.setattr(store_module, "held_alone", full)
        assert self.written(store, corrected())


@contextmanager
def noted(held, name):
    held.append(name)
    yield
    held.remove(name)


def test_a_date_alone_is_no_other_result(store: ReadingStore):
    analysis = neck_analysis()
    assert corrections_checksum(dated(analysis)) == corrections_checksum(analysis) == ""
    signed_session(store, analysis)
    assert not opened(store, dated(analysis)).is_changed_since_signed


def test_what_an_earlier_program_signed_with_a_date_alone_is_as_it_was_signed(store: ReadingStore):
    bare = analysis = neck_analysis()
    reading = signed_session(store, analysis).reading
    sha256 = signing_module._checksum(bare.uncorrected)
    earlier = reading.with_changes(corrections_sha256=sha256)
    assert not differs_from_signed(dated(analysis), findings_of(analysis), earlier)


def test_a_picture_whose_reading_was_undone_has_none(store: ReadingStore):
    session = opened(store, neck_analysis(), "A. Reader")
    session.decide(COBB, Decision.ACCEPTED)
    image = image_of(neck_analysis())
    assert store.of_file(image.sha256)
    session.undo()
    assert not store.of_file(image.sha256)


class TestSettingAside:
    """A signed reading that is not as it was written makes room for a new one."""

    @pytest.fixture
    def tampered(self, store, tmp_path) -> ReadingStore:
        signed_session(store, neck_analysis())
        [version] = tmp_path.rglob("version-0001.json")
        version.write_text(version.read_text().replace("A. Reader", "B. Reader"))
        return store

    def test_a_new_reading_begins_and_says_so(self, tampered, tmp_path):
        session = opened(tampered, neck_analysis(), "C. Reader")
        assert session.is_unvouched
        assert session.may_be_set_aside
        session.set_aside()
        assert not session.is_unvouched
        assert not session.faults
        assert session.status is ReadingStatus.AUTOMATIC
        session.accept_rest()
        signed = session.sign()
        assert signed.set_aside_utc is not None
        again = opened(tampered, neck_analysis())
        assert again.reading == signed
        assert not again.faults
        aside = {path.name for path in (tmp_path / "profile").glob("set-aside/*/*/*")}
        assert {"version-0001.json", "count.json"} <= aside

    def test_its_report_and_its_lines_say_so(self, tampered):
        session = opened(tampered, neck_analysis(), "C. Reader")
        session.set_aside()
        reading = session.decide(COBB, Decision.ACCEPTED)
        said = "An earlier signed reading of this image was not as it was written"
        assert any(line.startswith(said) for line in reading_lines(reading, ["Cobb."]))
        for is_deidentified in (False, True):
            details = ReportDetails(reading=reading, is_deidentified=is_deidentified)
            [warned] = report_content(neck_analysis(), details).warned
            assert warned.startswith(said)
            assert ("2026" in warned) is not is_deidentified

    def test_a_reading_that_is_well_stays(self, store):
        session = signed_session(store, neck_analysis())
        assert not session.may_be_set_aside
        with pytest.raises(ReadingError):
            session.set_aside()
        assert opened(store, neck_analysis()).reading.reader == "A. Reader"

    def test_one_of_a_newer_program_stays(self, store, tmp_path):
        signed_session(store, neck_analysis())
        [version] = tmp_path.rglob("version-0001.json")
        version.write_text(
            version.read_text().replace("spinealign-reading-1", "spinealign-reading-9")
        )
        session = opened(store, neck_analysis())
        assert session.is_unvouched
        assert not session.may_be_set_aside
        with pytest.raises(ReadingError):
            session.set_aside()

    def test_a_draft_that_is_damaged_is_no_signed_reading(self, store, tmp_path):
        opened(store, neck_analysis(), "A. Reader").accept_rest()
        [draft] = tmp_path.rglob("draft.json")
        draft.write_text("{}")
        session = opened(store, neck_analysis())
        assert session.faults
        assert not session.is_unvouched

    def test_cut_off_in_the_middle_nothing_counts_and_it_can_be_done_again(
        self, tampered, tmp_path
    ):
        [version] = tmp_path.rglob("version-0001.json")
        version.unlink()
        session = opened(tampered, neck_analysis(), "C. Reader")
        assert session.is_unvouched
        session.set_aside()
        assert not opened(tampered, neck_analysis()).faults


ONE_UP = {"S1": "L5", "L5": "L4", "L4": "L3", "L3": "L2", "L2": "L1", "L1": "T12", "T12": "T11"}


def one_level_up(analysis):
    """Return the back after a person called everything one level higher."""
    named = tuple(replace(body, level=ONE_UP[body.level]) for body in analysis.vertebrae)
    discs = tuple(
        replace(disc, level="/".join(ONE_UP[level] for level in disc.level.split("/")))
        for disc in analysis.discs
    )
    taken = tuple(
        m
        if m.code is MeasureCode.LUMBAR_LORDOSIS_L1_S1
        else replace(m, levels=tuple(ONE_UP[level] for level in m.levels))
        for m in analysis.measurements
    )
    return replace(analysis, vertebrae=named, discs=discs, measurements=taken, automatic=analysis)


class TestLevelsRenamedAfterDeciding:
    """Decisions go with the disc or body that they were made on, whatever it is called."""

    PFIRRMANN = "disc_grade/pfirrmann/{}"

    def times(self, session):
        return {m.key: m.decided_utc for m in session.reading.decisions if m.key != "levels"}

    def test_the_reader_s_grade_goes_with_its_disc(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.decide(self.PFIRRMANN.format("L5/S1"), Decision.CHANGED, pfirrmann(5))
        session.accept_rest()
        before = self.times(session)
        session.follow(one_level_up(back_analysis()))
        made = session.reading.decision_on(self.PFIRRMANN.format("L4/L5"))
        assert made.human == pfirrmann(5)
        assert made.decided_utc == before[self.PFIRRMANN.format("L5/S1")]
        assert session.reading.decision_on(self.PFIRRMANN.format("L5/S1")) is None
        lines = session.reading.impression.text.splitlines()
        assert any(line.startswith("L4/L5: ") and "Pfirrmann grade 5" in line for line in lines)
        on_disk_again = opened(store, one_level_up(back_analysis()))
        assert on_disk_again.reading.decisions == session.reading.decisions
        session.follow(back_analysis())
        assert self.times(session) == before

    def test_what_is_not_determined_of_each_disc_stays_told(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.accept_rest()
        gaps = [line for line in session.reading.impression.text.splitlines() if "Not det" in line]
        assert "disc herniation of L4/L5" in gaps[0]
        session.follow(one_level_up(back_analysis()))
        session.accept_rest()
        gaps = [line for line in session.reading.impression.text.splitlines() if "Not det" in line]
        assert "disc herniation of L3/L4" in gaps[0]

    def test_a_draft_begun_under_other_names_goes_with_its_discs(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.decide(self.PFIRRMANN.format("L5/S1"), Decision.CHANGED, pfirrmann(5))
        again = opened(store, one_level_up(back_analysis()))
        [read] = [r for r in again.read if r.finding.key == self.PFIRRMANN.format("L4/L5")]
        assert read.said.value == pfirrmann(5)

    def test_undoing_takes_back_what_was_decided_on_that_disc(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.decide(self.PFIRRMANN.format("L5/S1"), Decision.CHANGED, pfirrmann(5))
        session.follow(one_level_up(back_analysis()))
        session.undo()
        assert session.reading.decision_on(self.PFIRRMANN.format("L4/L5")) is None

    def test_an_impression_typed_under_other_names_is_told_to_disagree(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.accept_rest()
        session.write_impression(f"{session.reading.impression.text} Refer to surgeon.")
        assert not session.disagreement
        session.follow(one_level_up(back_analysis()))
        session.accept_rest()
        found = session.disagreement
        assert any(sentence.startswith("L4/L5: ") for sentence in found.stale)
        assert any(sentence.startswith("L3/L4: ") for sentence in found.missing)

    def test_one_that_is_at_no_place_keeps_its_key(self, store):
        session = opened(store, back_analysis(), "A. Reader")
        session.decide("measure/lumbar_lordosis_l1_s1/L1/S1", Decision.ACCEPTED)
        session.follow(one_level_up(back_analysis()))
        assert session.reading.decision_on("measure/lumbar_lordosis_l1_s1/L1/S1") is not None


def test_accepting_the_rest_never_takes_back_what_the_reader_said(store: ReadingStore):
    """As when the T1 series is added: every grade is another then."""
    key = "disc_grade/pfirrmann/L4/L5"
    session = opened(store, back_analysis(), "A. Reader")
    session.decide(key, Decision.CHANGED, pfirrmann(2))
    session.decide("disc_grade/modic/L5/S1", Decision.REJECTED)
    told = {**SICK, "L4/L5": {**SICK["L4/L5"], "pfirrmann": 4}, "L5/S1": {"pfirrmann": 4}}
    session.follow(back_analysis(told))
    session.accept_rest()
    assert session.reading.decision_on(key).human == pfirrmann(2)
    left = {finding.key for finding in session.pending}
    assert left == {key, "disc_grade/modic/L5/S1"}
    assert session.acceptable == ()
    assert "L4/L5: disc degeneration (Pfirrmann" not in session.reading.impression.text
    with pytest.raises(ReadingError):
        session.sign()
    session.decide(key, Decision.ACCEPTED)
    assert session.reading.decision_on(key).human is None


class TestWhatIsMadeOfOverruledValues:
    """T1 slope minus lordosis does not stand beside a lordosis that it was not made of."""

    MINUS = "measure/t1_slope_minus_lordosis/C2/C7/T1"

    def session(self, store) -> ReadingSession:
        plain = neck_analysis()
        minus = measured(MeasureCode.T1_SLOPE_MINUS_LORDOSIS, 17.0, ("C2", "C7", "T1"))
        slope = measured(MeasureCode.T1_SLOPE, 29.0, ("T1",))
        kept = [m for m in plain.measurements if m.code is not MeasureCode.T1_SLOPE]
        return opened(store, replace(plain, measurements=(*kept, slope, minus)), "A. Reader")

    def read(self, session):
        [read] = [each for each in session.read if each.finding.key == self.MINUS]
        return read

    @pytest.mark.parametrize(
        ("decision", "human"), [(Decision.CHANGED, degrees(-25.0)), (Decision.REJECTED, None)]
    )
    def test_it_is_not_accepted_with_the_rest(self, store, decision, human):
        session = self.session(store)
        session.decide(COBB, decision, human)
        session.accept_rest()
        assert [finding.key for finding in session.pending] == [self.MINUS]
        assert session.acceptable == ()
        assert "minus" not in session.reading.impression.text
        assert [finding.key for finding in self.read(session).rests_on] == [COBB]
        assert "made of the program’s C2–C7 Cobb lordosis" in rests_on_text(
            self.read(session).rests_on
        )

    def test_an_earlier_acceptance_no_longer_holds_and_a_later_one_does(self, store):
        session = self.session(store)
        session.accept_rest()
        assert "minus" in session.reading.impression.text
        session.decide(COBB, Decision.CHANGED, degrees(-25.0))
        assert self.read(session).is_outdated
        assert "minus" not in session.reading.impression.text
        session.decide(self.MINUS, Decision.CHANGED, degrees(54.0))
        assert not session.pending
        signed = session.sign()
        assert signed.decision_on(self.MINUS).human == degrees(54.0)

    def test_the_reader_s_own_value_stays(self, store):
        session = self.session(store)
        session.decide(self.MINUS, Decision.CHANGED, degrees(54.0))
        session.decide(COBB, Decision.CHANGED, degrees(-25.0))
        assert not self.read(session).is_outdated

    def test_a_signed_reading_stays_as_it_was_signed(self, store):
        session = self.session(store)
        session.accept_rest()
        session.sign()
        [read] = [each for each in session.read if each.finding.key == self.MINUS]
        assert not read.rests_on

    @pytest.mark.parametrize("code", [code for code in MEASURES if MEASURES[code].made_of])
    def test_parts_are_measures_of_the_same_unit(self, code):
        for part in MEASURES[code].made_of:
            assert MEASURES[part].quantity is MEASURES[code].quantity


class TestFillingAgain:
    """Fresh sentences never cost what the reader typed."""

    def test_own_words_stay_below_fresh_sentences(self, store):
        session = opened(store, neck_analysis(cobb_deg=-17.8))
        session.accept_rest()
        first = session.reading.impression.text
        session.write_impression(f"Refer to surgeon.\n{first} No swelling.")
        session.decide(COBB, Decision.CHANGED, degrees(5.0))
        session.take_offered_impression()
        text = session.reading.impression.text
        assert text.endswith("\nRefer to surgeon.\nNo swelling.")
        assert "5.0°" in text
        assert "17.8°" not in text
        assert session.reading.impression.is_edited
        assert session.offered_impression == ""
        assert not session.disagreement

    def test_without_own_words_the_impression_follows_again(self, store):
        session = opened(store, neck_analysis(cobb_deg=-17.8))
        session.accept_rest()
        session.write_impression(session.reading.impression.text.splitlines()[0])
        session.take_offered_impression()
        assert not session.reading.impression.is_edited

    def test_what_would_be_too_long_is_left_as_it_is(self, store):
        session = opened(store, neck_analysis())
        session.accept_rest()
        typed = "x" * 20_000
        session.write_impression(typed)
        assert session.offered_impression == ""
        with pytest.raises(ReadingError):
            session.take_offered_impression()
        assert session.reading.impression.text == typed


def test_a_signed_reading_whose_files_are_all_gone_is_missed(store: ReadingStore, tmp_path):
    signed_session(store, neck_analysis())
    [version] = tmp_path.rglob("version-0001.json")
    shutil.rmtree(version.parent)
    [stored] = store.of_file(image_of(neck_analysis()).sha256).values()
    assert [fault.problem.value for fault in stored.faults] == ["last_version_missing"]


def test_a_drawing_without_a_text_has_the_checksum_that_earlier_programs_signed():
    line = Drawing(DrawingTool.DISTANCE, 1, ((1.0, 2.0), (3.0, 4.5)))
    analysis = replace(neck_analysis(), corrections=Corrections(drawings=(line,)))
    signed = "81127ab58721e5a5ef2b0920e053fe8193524c18fe3a6e1e1ccb0a8787eef97f"
    assert corrections_checksum(analysis) == signed
    noted = Corrections(drawings=(replace(line, text="x"),))
    assert corrections_checksum(replace(analysis, corrections=noted)) != signed
