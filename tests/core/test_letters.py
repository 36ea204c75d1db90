"""Names in any script on paper: the right letters, joined and ordered, and copied as written."""

import io
import unicodedata
from html.parser import HTMLParser

import numpy as np
import pypdf
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from reportlab.pdfgen.canvas import Canvas

from spinealign.domain.image import ImagePart
from spinealign.domain.paths import resources_dir
from spinealign.domain.report_details import Institution, ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.export import overlay, typesetting
from spinealign.export.bidirectional import base_level, levels, visual_order
from spinealign.export.fonts import FIRST, NOT_DEFINED, font, font_for
from spinealign.export.report import report_pdf
from spinealign.export.report_html import report_html
from spinealign.export.typesetting import Span, Text, TextStyle, text_on_line
from spinealign.imaging.study import list_series, read_patient
from spinealign.wording.reading import patient_line, patient_rows
from spinealign.wording.report import patient_head
from spinealign.wording.series import series_name
from tests.image_files import dicom_object, ramp, write_dicom
from tests.phantoms import mr_analysis

NAMES = {
    "Polish": "Wałęsa, Łukasz",
    "Vietnamese": "Nguyễn, Thị Hương",
    "Russian": "Иванов, Пётр Ильич",
    "Greek": "Παπαδόπουλος, Γεώργιος",
    "Arabic": "علاء الدين عبد الله",
    "Hebrew": "כהן, דוד",
    "Hindi": "शर्मा, राजेश कुमार",
    "Telugu": "వెంకటేశ్వరరావు, శ్రీనివాస్",
    "Tamil": "வேலுசாமி, கிருஷ்ணன்",
    "Bengali": "রহমান, মোহাম্মদ",
    "Thai": "ใจดี, สมชาย",
    "Chinese": "王小明",
    "Japanese": "山田, 太郎 ヤマダ",
    "Korean": "김, 철수",
    "Armenian": "Սարգսյան, Արմեն",
    "Georgian": "ბერიძე, გიორგი",
    "Amharic": "አበበ ቢቂላ",
    "Khmer": "សុខ សុភា",
}
STYLE = TextStyle(size=12, leading=16)

ISOLATES = "\N{LEFT-TO-RIGHT MARK}\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Draw small pictures: what matters here are the words."""
    monkeypatch.setattr(overlay, "MIN_LONGEST_PX", 200)


def copied(text, width=400, style=STYLE):
    """Return what can be copied from a page on which the text was set."""
    target = io.BytesIO()
    canvas = Canvas(target, invariant=1)
    paragraph = Text([Span(text, style)], style)
    paragraph.wrapOn(canvas, width, 800)
    paragraph.drawOn(canvas, 50, 400)
    canvas.save()
    return pypdf.PdfReader(target).pages[0].extract_text()


def without_spaces(text):
    return "".join(unicodedata.normalize("NFC", text).split())


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_letter_of_a_name_has_a_shape(name):
    for is_bold in (False, True):
        for cluster in text_on_line(name, STYLE.but(is_bold=is_bold)):
            assert all(glyph.index != NOT_DEFINED for glyph in cluster.glyphs)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_copied_from_the_page_as_it_was_written(name):
    assert without_spaces(name) in without_spaces(copied(name))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_stands_on_every_page_of_the_report(name):
    data = report_pdf(mr_analysis(), ReportDetails(patient=PatientFacts(name=name)))
    for page in pypdf.PdfReader(io.BytesIO(data)).pages:
        assert without_spaces(name) in without_spaces(page.extract_text())


@pytest.mark.parametrize(
    ("text", "joined"),
    [("لا", 1), ("क्ष", 1), ("స్త్రీ", 3), ("ကျ", 2), ("fi", 2)],
    ids=["lam-alef", "ksha", "stri", "medial ya", "no ligature"],
)
def test_letters_are_joined(text, joined):
    assert sum(len(cluster.glyphs) for cluster in text_on_line(text, STYLE)) <= joined


def test_arabic_letters_have_the_shapes_of_their_places():
    alone = {cluster.glyphs[0].index for letter in "ععع" for cluster in text_on_line(letter, STYLE)}
    within = {glyph.index for c in text_on_line("ععع", STYLE) for glyph in c.glyphs}
    assert len(alone) == 1
    assert len(within) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("range (-21.6 to 27.8 mm)", ["range ", "(-21.6 ", "to ", "27.8 ", "mm)"]),
        ("-3 mm", ["-3 ", "mm"]),
        ("whole-spine film", ["whole-", "spine ", "film"]),
    ],
)
def test_a_line_ends_at_a_hyphen_and_not_at_a_minus(text, parts):
    words = typesetting._words(text_on_line(text, STYLE))
    assert ["".join(cluster.letters for cluster in word) for word in words] == parts


@pytest.mark.parametrize("letter", ["\U0001f600", "\U00020bb7", "\U0001d54f"], ids=ascii)
def test_a_letter_in_no_font_is_a_box_and_no_other_letter(letter):
    [cluster] = text_on_line(letter, STYLE)
    assert cluster.font.name == FIRST[0]
    assert [glyph.index for glyph in cluster.glyphs] == [NOT_DEFINED]
    assert cluster.width > 0


@pytest.mark.parametrize(
    "name",
    [
        "a\u202ereversed", "nul\0", "\udcff\udc80", "\ud800", "a\u0301" * 300, "\u0301", "\u200d",
        "x" * 5000, "word " * 3000, "العربية" * 900, "\U000e0041", "", "   ", "\n\n", "\ufdfa",
        "क्" * 500, "\u0600\u0601", "=^=^=", "^" * 400,
    ],
)  # fmt: skip
def test_no_name_breaks_the_report(name):
    details = ReportDetails(
        patient=PatientFacts(name=name, identifier=name, institution=name),
        institution=Institution(name, name),
    )
    assert report_pdf(mr_analysis(), details).startswith(b"%PDF")
    assert report_html(mr_analysis(), details).startswith(b"<!DOCTYPE html>")


def test_every_font_is_licensed_and_used():
    folder = resources_dir() / "fonts"
    licences = (folder / "LICENCES.md").read_text(encoding="utf-8")
    shipped = {path.stem for path in folder.glob("*.ttf")}
    for name in shipped:
        assert font(name).has(" ")
        assert "NotoSans*.ttf" in licences if name.startswith("NotoSans") else name in licences
    assert {font_for(name[0]).name for name in NAMES.values()} <= shipped
    assert sum(path.stat().st_size for path in folder.glob("*.ttf")) < 8_000_000


@pytest.mark.parametrize("sign", "≥≤→←−°±²×–“”…•")
def test_signs_of_our_own_sentences_have_shapes(sign):
    for is_bold in (False, True):
        assert font_for(sign, is_bold).has(sign)


# Right to left


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc 123", "abc 123"),
        ("אבג", "גבא"),
        ("car אבג def", "car גבא def"),
        ("אבג 123 דהו", "והד 123 גבא"),
        ("אבג (abc) ד", "ד )abc( גבא"),
        ("עמוד 1.5%", "1.5% דומע"),
        ("ابج ١٢", "١٢ جبا"),
        ("אבג, דהו", "והד ,גבא"),
        ("C2-C7 אב 12°", "C2-C7 12° בא"),
    ],
)
def test_order_on_paper(text, seen):
    order = visual_order(levels(text, base_level(text)))
    assert "".join(text[at] for at in order) == seen


def test_the_head_of_a_page_begins_with_the_name_in_any_direction():
    line = text_on_line("כהן · born 1961-03-04 · ID 4711", STYLE)
    order = visual_order([cluster.level for cluster in line])
    assert "".join(line[at].letters for at in order) == "ןהכ · born 1961-03-04 · ID 4711"


# Lines


def lines_of(text, width):
    paragraph = Text([Span(text, STYLE)], STYLE)
    paragraph.wrap(width, 1000)
    return ["".join(c.letters for c in line) for line, _ in paragraph._lines]


def test_lines_break_at_spaces_and_are_not_wider_than_asked():
    text = "The C2–C7 Cobb lordosis is measured between two endplates. " * 6
    lines = lines_of(text, 150)
    assert " ".join(line.strip() for line in lines) == text.strip()
    for line in lines:
        assert sum(c.width for c in text_on_line(line, STYLE)) <= 150.1


def test_long_words_and_chinese_break_where_they_must():
    assert "".join(lines_of("a" * 300, 100)) == "a" * 300
    assert len(lines_of("王" * 40, 120)) >= 4
    assert lines_of("62\u00a0% of all", 400) == ["62\u00a0% of all"]


def test_a_paragraph_goes_over_two_pages_with_two_lines_on_each():
    paragraph = Text([Span("word " * 200, STYLE)], STYLE)
    _, height = paragraph.wrap(200, 1000)
    first, second = paragraph.split(200, height - 1)
    for part in (first, second):
        assert part.wrap(200, 1000)[1] >= 2 * STYLE.leading
    assert first.height + second.height == height
    assert paragraph.split(200, STYLE.leading) == []


# Person names of DICOM


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎)"),
        ("=山田^太郎", "山田, 太郎"),
        ("==やまだ^たろう", "やまだ, たろう"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong (洪, 吉洞)"),
        ("Wang^XiaoDong=王^小东=", "Wang, XiaoDong (王, 小东)"),
        ("Doe^Jane", "Doe, Jane"),
        ("王^小明=王^小明", "王, 小明"),
        ("Doe^Jane^^Dr.^PhD", "Doe, Jane Dr. PhD"),
        ("===", ""),
    ],
)
def test_groups_of_a_person_name(stored, shown):
    assert patient_line(PatientFacts(name=stored)) == shown
    assert dict(patient_rows(PatientFacts(name=stored))).get("Name", "") == shown


@pytest.mark.parametrize(
    ("character_set", "name", "shown"),
    [
        ("ISO_IR 100", "Müller^Jörg", "Müller, Jörg"),
        ("ISO_IR 101", "Wałęsa^Łukasz", "Wałęsa, Łukasz"),
        ("ISO_IR 144", "Иванов^Пётр", "Иванов, Пётр"),
        ("ISO_IR 126", "Παπαδόπουλος^Γεώργιος", "Παπαδόπουλος, Γεώργιος"),
        ("ISO_IR 127", "علاء^محمد", "علاء, محمد"),
        ("ISO_IR 138", "כהן^דוד", "כהן, דוד"),
        ("ISO_IR 166", "ใจดี^สมชาย", "ใจดี, สมชาย"),
        ("GB18030", "Wang^XiaoDong=王^小东", "Wang, XiaoDong (王, 小东)"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "Yamada, Tarou (山田, 太郎)"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong (洪, 吉洞)"),
        ("ISO_IR 192", "శర్మ^రాజేశ్", "శర్మ, రాజేశ్"),
    ],
    ids=str,
)
def test_names_are_read_in_the_file_s_own_letters(tmp_path, character_set, name, shown):
    path = write_dicom(
        tmp_path / "a.dcm",
        np.zeros((8, 8), np.uint16),
        SpecificCharacterSet=character_set,
        PatientName=name,
    )
    facts = read_patient(ImagePart(path))
    assert patient_line(facts).strip(ISOLATES) == shown
    assert shown in patient_head(ReportDetails(patient=facts))


@pytest.mark.parametrize("name", ["محمد^أحمد", "כהן^דוד", "Doe=כהן^דוד"])
def test_a_name_from_right_to_left_does_not_turn_its_line(name):
    facts = PatientFacts(name=name, birth_date="19600101", identifier="ا7")
    first, *others = patient_line(facts).split("  ·  ")
    assert first[:2] + first[-1] == ISOLATES
    assert others == ["Born: 1960-01-01", f"Patient ID: {ISOLATES[:2]}ا7{ISOLATES[2]}"]
    rows = patient_line(PatientFacts(institution="מרכז"))
    assert rows == f"Institution: {ISOLATES[:2]}מרכז{ISOLATES[2]}"
    assert not set(ISOLATES) & set(patient_head(ReportDetails(patient=facts)))


GB = b"\x1b$)A"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (b"Wang^XiaoDong=" + GB + "王".encode("gb2312") + b"^" + GB + "小东".encode("gb2312"),
         "Wang, XiaoDong (王, 小东)"),
        (GB + "王^小东".encode("gb2312"), "王, 小东"),
    ],
    ids=["groups", "ideographic alone"],
)  # fmt: skip
def test_chinese_letters_leave_no_escape_sequence_behind(tmp_path, stored, shown):
    dataset = dicom_object(ramp(40, 50), SpecificCharacterSet=["", "ISO 2022 IR 58"])
    series = b"MR " + GB + "腰椎".encode("gb2312")
    for keyword, vr, value in (("PatientName", "PN", stored), ("SeriesDescription", "LO", series)):
        padded = value + b" " * (len(value) % 2)
        tag = Tag(tag_for_keyword(keyword))
        dataset[tag] = RawDataElement(tag, vr, len(padded), padded, 0, False, True)
    dataset.save_as(tmp_path / "a.dcm")
    facts = read_patient(ImagePart(tmp_path / "a.dcm"))
    assert patient_line(facts) == shown
    assert facts.series_description == "MR 腰椎"
    (entry,) = list_series(tmp_path / "a.dcm")
    assert series_name(entry) == "MR 腰椎"


# One HTML file


class Page(HTMLParser):
    """Remembers tags, addresses and text, and that every tag was closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.addresses, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for key, value in attributes if key in ("src", "href", "srcset")]
        assert not any(key.startswith("on") for key, _ in attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


HOSTILE = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</title><b>", "{style}",
    "&lt;", "{0.__class__}", "javascript:alert(1)", "</style><link href=//evil>",
]  # fmt: skip


@pytest.mark.parametrize("name", [*HOSTILE, *NAMES.values()])
def test_html_is_whole_and_needs_nothing_else(name):
    details = ReportDetails(
        patient=PatientFacts(name=name, study_description=name, sex="F"),
        institution=Institution(name, name),
    )
    page = Page()
    text = report_html(mr_analysis(), details).decode()
    page.feed(text)
    page.close()
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert "url(" not in text
    assert "@import" not in text
    assert unicodedata.normalize("NFC", name) in "".join(page.words)
    assert "DRAFT" in "".join(page.words)
    assert 'dir="auto"' in text
