"""What an audit concludes: true sentences on true evidence, and doubts that are named."""

import re
from dataclasses import replace

import pytest

from spinealign.data_audit.findings import all_findings, verdict_of
from spinealign.data_audit.report_html import report_html
from spinealign.data_audit.run import AuditOutcome
from spinealign.data_audit.splitting import honest_split
from spinealign.domain.data_audit import (
    AUDIT_SCHEMA,
    AuditedFile,
    DataAudit,
    FindingKind,
    Layout,
    PatientSource,
    Severity,
    Shortcut,
    ShortcutKind,
)
from spinealign.wording.data_audit import audit_lines, finding_text, split_text, verdict_text

HISTOGRAM = Shortcut(ShortcutKind.HISTOGRAM, "sick", 0.82, 0.71, 0.93, "patient", 24)


def files_of(*rows):
    """Return files from (class, group, part), each patient a group of its own number."""
    return [
        AuditedFile(
            f"{place}.png", part, label, f"p{group}", PatientSource.LIST, base=f"{place}",
            group=group,
        )
        for place, (label, group, part) in enumerate(rows)
    ]  # fmt: skip


def concluded(files, shortcuts=()):
    """Return the audit of files of which nothing but the names is known."""
    split, parts = honest_split(files)
    findings = all_findings(files, [], shortcuts, split)
    audit = DataAudit(
        AUDIT_SCHEMA, "1", "set", Layout.LIST, "", tuple(files), (), (), tuple(shortcuts),
        findings, split, verdict_of(findings), 1.0,
    )  # fmt: skip
    return audit, parts


def found_of(audit, kind):
    return next((one for one in audit.findings if one.kind is kind), None)


@pytest.mark.parametrize("part", ["", "train"])
def test_a_finding_of_two_patients_has_an_honest_split_and_condemns_nothing(part):
    """One of two is more than a quarter: it is held out all the same."""
    rows = [("sick", 1, part), ("sick", 2, "val" if part else "")]
    rows += [("well", n, part if n % 3 else ("val" if part else "")) for n in range(3, 12)]
    audit, parts = concluded(files_of(*rows))
    assert audit.split.is_possible
    assert {parts["0.png"], parts["1.png"]} == {"train", "val"}
    assert not audit.verdict.is_condemned
    assert found_of(audit, FindingKind.NO_SPLIT) is None
    told = verdict_text(audit)
    assert "but for 1 doubt: Class “sick” comes from only 2 patients" in told
    held = {file.group for file in audit.files if parts[file.path] == "val"}
    assert 2 <= len(held) <= 4


def test_the_smaller_of_two_patients_is_held_out():
    rows = [("sick", 1, "")] * 9 + [("sick", 2, "")] + [("well", n, "") for n in range(3, 15)]
    audit, parts = concluded(files_of(*rows))
    assert {parts[file.path] for file in audit.files if file.group == 2} == {"val"}
    assert {parts[file.path] for file in audit.files if file.group == 1} == {"train"}


def test_patients_who_have_all_classes_leave_one_of_each_on_either_side():
    rows = [(label, group, "") for group in (1, 2) for label in ("sick", "well")]
    audit, parts = concluded(files_of(*rows))
    assert audit.split.is_possible
    assert {(parts[f.path], f.label) for f in audit.files} == {
        (part, label) for part in ("train", "val") for label in ("sick", "well")
    }


def test_where_no_split_was_found_a_doubt_says_that_and_nothing_of_one_patient():
    """Each class has two patients of three: no choice of them has every class on both sides."""
    rows = [("a", 1, ""), ("a", 2, ""), ("b", 2, ""), ("b", 3, ""), ("c", 1, ""), ("c", 3, "")]
    audit, parts = concluded(files_of(*rows))
    assert (audit.split.is_possible, audit.split.blocking, parts) == (False, (), {})
    finding = found_of(audit, FindingKind.NO_SPLIT)
    assert finding.severity is Severity.DOUBT
    assert finding_text(finding).startswith("No split was found that has every class on both")
    assert not audit.verdict.is_condemned
    assert verdict_text(audit).startswith("These data have no split, and none was found")
    assert audit_lines(audit)[-1].startswith("No honest split of these files was found.")


def test_a_class_of_one_patient_is_said_to_be_one():
    audit, _ = concluded(files_of(("sick", 1, ""), *(("well", n, "") for n in range(2, 9))))
    assert audit.verdict.is_condemned
    told = verdict_text(audit)
    assert "The only file of class “sick” belongs to one patient or series: “p1”." in told
    assert "No honest split is possible: class “sick” comes from one patient, series or" in told
    several, _ = concluded(
        files_of(("sick", 1, ""), ("sick", 1, ""), *(("well", n, "") for n in range(2, 9)))
    )
    assert "All 2 files of class “sick” belong to one patient" in verdict_text(several)


def test_a_set_of_one_class_is_told_as_such():
    audit, _ = concluded(files_of(*(("sick", n, "") for n in range(6))))
    assert "but for 1 doubt: All 6 files are of one class, “sick”: there is" in verdict_text(audit)
    without, _ = concluded(files_of(*(("", n, "") for n in range(6))))
    assert found_of(without, FindingKind.ONE_CLASS) is None
    assert found_of(concluded(many())[0], FindingKind.ONE_CLASS) is None


@pytest.mark.parametrize(
    ("patients", "part", "severity"),
    [(4, "val", Severity.DOUBT), (5, "val", Severity.CONDEMNS), (4, "train", Severity.CONDEMNS)],
)
def test_a_part_without_a_class_condemns_where_there_were_patients_enough(patients, part, severity):
    other = {"val": "train", "train": "val"}[part]
    rows = [("sick", n, other) for n in range(patients)]
    rows += [("well", n, "val" if n % 2 else "train") for n in range(10, 20)]
    audit, _ = concluded(files_of(*rows))
    assert found_of(audit, FindingKind.CLASS_MISSING_IN_PART).severity is severity


def many(part_of=lambda n: ""):
    return files_of(*((("sick", "well")[n % 2], n, part_of(n)) for n in range(24)))


def test_a_verdict_names_a_shortcut_in_doubt_before_other_doubts():
    split = many(lambda n: "val" if n % 4 == 3 or n % 8 == 2 else "train")
    unknown = [replace(f, patient="", patient_source=PatientSource.UNKNOWN) for f in split]
    audit, _ = concluded(unknown, [HISTOGRAM])
    told = verdict_text(audit)
    assert told.startswith(
        "This split is honest as far as the audit can tell, but for 2 doubts: Class “sick” can be "
        "told by five numbers of the histogram: AUC 0.82"
    )
    assert "Nothing tells whose pictures" in told
    assert verdict_text(concluded(split)[0]) == (
        "This split is honest as far as the audit can tell."
    )


def test_the_table_of_shortcuts_fits_a_window_whatever_a_rule_says():
    """Rules wrap, columns have shares of the width, and drawings shrink whole."""
    rule = "a number with a name ≤ 0.1; another number ≤ 0.2"
    audit, parts = concluded(many(), [replace(HISTOGRAM, rule=rule)])
    page = report_html(AuditOutcome(audit, parts, {}, {}))
    assert f'<span class="small rule">{rule}</span>' in page
    assert "td .rule { white-space: normal; }" in page
    shares = [int(each) for each in re.findall(r'<col style="width: (\d+)%">', page)]
    assert (len(shares), sum(shares)) == (5, 100)
    assert page.count("<svg ") == page.count("viewBox=") > 0
    middle = next(float(x) for x in re.findall(r'cx="(\d+)"', page))
    assert middle == round(6 + 148 * 0.82)


def test_no_split_is_called_honest_where_the_class_can_be_told_by_something_else():
    audit, _ = concluded(many(), [HISTOGRAM])
    told = audit_lines(audit)[-1]
    assert "honest" not in told
    assert "part no patient, series or copies" in told
    assert "stays on both of its sides: five numbers of the histogram." in told
    assert split_text(audit.split).startswith("This split would be honest: ")
    chance = replace(HISTOGRAM, auc=0.6, low=0.4)
    assert audit_lines(concluded(many(), [chance])[0])[-1].startswith("This split would be honest")
