"""Every command of the window once: its words, keys and icon, for menus, tool bar and help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from spinealign.domain.examination import EXAMINATIONS, Examination
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.widgets.icons import icon
from spinealign.wording import examination_label

MAX_RECENT_IN_MENU = 9


@dataclass(frozen=True)
class Command:
    """One command.

    Parameters
    ----------
    keys : tuple of str
        Shortcuts, the one to show first.
    group : str
        Commands of one group exclude each other; they are all checkable.
    """

    name: str
    text: str
    keys: tuple[str, ...] = ()
    icon_name: str = ""
    tip: str = ""
    checkable: bool = False
    group: str = ""
    short: str = ""


def image_type_command(examination: Examination | None) -> str:
    """Return the name of the command that analyses as this kind; None is automatic."""
    return f"image_type_{'auto' if examination is None else examination.key}"


REPORTS = {kind: one for kind, one in EXPORTERS.items() if one.is_report}
"""Files for people, which say whose image it is."""


def deidentified_command(kind: str) -> str:
    """Return the name of the command that writes a report without the patient."""
    return f"save_deidentified_{kind}"


def _image_type_command(place: int, examination: Examination | None) -> Command:
    if examination is None:
        words, drawing = "a&utomatic", ""
    else:
        words, drawing = examination_label(examination, True), examination.modality.value
    return Command(
        image_type_command(examination),
        f"Image type: {words}",
        (f"Ctrl+{place}",) if place <= _LAST_DIGIT else (),
        drawing,
        group="image_type",
    )


_LAST_DIGIT = 9
IMAGE_TYPE_COMMANDS = tuple(
    _image_type_command(place, examination)
    for place, examination in enumerate((None, *EXAMINATIONS.values()))
)
"""Automatic, then one for each kind of examination."""

COMMANDS: tuple[Command, ...] = (
    Command("open", "&Open files…", ("Ctrl+O",), "open", short="Open"),
    Command("open_folder", "Open &folder…", ("Ctrl+Shift+O",), "folder"),
    Command(
        "open_segmentation",
        "Open a DICOM se&gmentation or report…",
        tip="Take outlines from a DICOM segmentation of this image, or measures and decisions from "
        "a structured report, of SpineAlign or of another program",
    ),
    Command(
        "dicom_patient",
        "Patient &for DICOM…",
        tip="Fill in whose image this is, for DICOM objects of an image that does not say",
    ),
    Command(
        "from_pacs",
        "&From PACS…",
        ("Ctrl+Shift+P",),
        tip="Search a PACS or another DICOM node, retrieve studies, and open them",
    ),
    Command(
        "send",
        "&Send to a node…",
        ("Ctrl+M",),
        tip="Send the results of this case to the PACS as DICOM objects",
    ),
    Command(
        "transfers",
        "&Transfers…",
        ("Ctrl+J",),
        tip="What was sent and received, what waits, and what failed",
    ),
    Command(
        "nodes",
        "DICOM &nodes…",
        tip="Nodes to search and to send to, and this program as a receiver",
    ),
    Command(
        "deidentify",
        "&De-identify…",
        tip="Write copies of images without what names the patient",
    ),
    Command(
        "batch",
        "Analyse many images (&batch)…",
        tip="Analyse thousands of images of folders, archives and lists, beside the cases here",
    ),
    Command("paste", "&Paste image", ("Ctrl+V",), "paste", "Analyse the image on the clipboard"),
    Command("save", "&Save results to folder…", ("Ctrl+S",), "save", short="Save"),
    Command("save_all", "Save &all results to folder…", ("Ctrl+Shift+S",)),
    Command(
        "open_last_session",
        "Open images of &last time",
        tip="Open again what was open when the program was closed",
    ),
    Command(
        "skipped",
        "Files that were s&kipped…",
        tip="List the files of a folder or archive that were not opened, with the reasons",
    ),
    Command(
        "export_table",
        "E&xport one table of the selected cases…",
        tip="One CSV file with the main measures of all selected cases, a row each",
    ),
    *(
        Command(f"save_{kind}", one.menu_text, one.keys, one.icon_name, one.tip)
        for kind, one in EXPORTERS.items()
    ),
    *(
        Command(
            deidentified_command(kind),
            f"De-identified {words[0].lower()}{words[1:]}",
            tip=f"{one.tip}, without patient data, names and dates",
        )
        for kind, one in REPORTS.items()
        for words in [one.menu_text.replace("&", "")]
    ),
    Command("print", "Pr&int report…", ("Ctrl+P",), "report", "Look at the report and print it"),
    Command("letterhead", "Letter&head of reports…", (), "", "Name and logo of the institution"),
    Command("copy_finding", "Cop&y reading as text", ("Ctrl+Shift+C",), "copy"),
    Command(
        "add_companion",
        "Add the &other contrast…",
        ("Ctrl+T",),
        "",
        "Grade the discs with the same patient's T1 beside T2, or T2 beside T1",
    ),
    Command(
        "all_slices",
        "All sl&ices…",
        ("Ctrl+L",),
        "",
        "Segment every slice of the series, scroll through them, and measure volumes",
    ),
    Command("drop_companion", "R&emove the other contrast"),
    Command(
        "lock",
        "&Lock",
        ("Ctrl+Shift+L",),
        tip="Cover the screen and close the archive; what is open stays open",
    ),
    Command(
        "switch_user",
        "S&witch user…",
        tip="Close all cases, sign out, and let somebody else sign in",
    ),
    Command("change_password", "Change &password…", tip="Change the password of your account"),
    Command("accounts", "&Accounts…", tip="Add, change and remove accounts, and their passwords"),
    Command(
        "audit_trail", "A&udit trail…", tip="Who did what to whose images, and whether it is whole"
    ),
    Command(
        "set_up_accounts",
        "&Set up accounts…",
        tip="Encrypt readings on this computer, and let people sign in",
    ),
    Command(
        "encryption",
        "&Encryption without accounts…",
        tip="Encrypt readings by a key in the system's key store, or turn that off",
    ),
    Command(
        "keep_in_archive",
        "&Keep in archive",
        ("Ctrl+K",),
        tip="Put the selected cases into the encrypted archive, with results and reading",
    ),
    Command(
        "archive",
        "&Archive…",
        ("Ctrl+Shift+K",),
        tip="Search the archive, open examinations of it, follow patients, back up",
    ),
    Command(
        "restore_archive",
        "&Restore a back-up…",
        tip="Make an archive of a back-up on a computer that has none",
    ),
    Command("close_case", "&Close case", ("Ctrl+W",)),
    Command("close_all", "Close all cas&es", ("Ctrl+Shift+W",)),
    Command("quit", "&Quit", ("Ctrl+Q",), "quit"),
    Command("find", "Sea&rch cases", ("Ctrl+F",)),
    Command(
        "again",
        "&Analyse again",
        ("F5",),
        "again",
        "Analyse the image that is shown, or all selected cases",
    ),
    Command("cancel", "&Cancel", ("Esc",), "cancel", "Stop the analysis; results stay"),
    *IMAGE_TYPE_COMMANDS,
    Command("settings", "Se&ttings…", ("Ctrl+,",), "", "All that you choose once and for all"),
    Command("undo", "&Undo", ("Ctrl+Z",), "undo"),
    Command("redo", "&Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo"),
    Command("reset_edits", "Reset to &automatic", (), tip="Undo all corrections of the bodies"),
    Command("tool_pointer", "&Move points", ("S",), "pointer", "Move points", group="tool"),
    Command(
        "tool_vertebra",
        "Add &vertebra",
        ("V",),
        "vertebra",
        "Add a vertebra by clicking its four corners",
        group="tool",
    ),
    Command(
        "accept_suggestions",
        "Accept su&ggested bodies",
        ("Ctrl+Shift+A",),
        "",
        "Count all bodies that are suggested with a dashed outline among the bodies",
    ),
    Command(
        "swap_anterior_posterior",
        "S&wap anterior and posterior",
        ("Ctrl+Shift+F",),
        "flip",
        "Swap anterior and posterior: the patient faces the other side",
    ),
    Command(
        "levels_up",
        "Shi&ft levels up",
        ("Ctrl+Shift+Up",),
        "",
        "Rename every vertebra and disc one level higher (L5/S1 becomes L4/L5)",
    ),
    Command(
        "levels_down",
        "Shift levels &down",
        ("Ctrl+Shift+Down",),
        "",
        "Rename every vertebra and disc one level lower (L4/L5 becomes L5/S1)",
    ),
    Command(
        "bent_film",
        "Flexion or e&xtension film",
        tip="Do not compare this film with reference ranges, which are those of neutral posture",
        checkable=True,
    ),
    Command("tool_distance", "&Distance", ("D",), "distance", "Measure a distance", group="tool"),
    Command("tool_angle", "&Angle", ("A",), "angle", "Measure an angle", group="tool"),
    Command(
        "tool_cobb",
        "&Cobb angle",
        ("C",),
        "cobb",
        "Measure the Cobb angle between two lines",
        group="tool",
    ),
    Command(
        "tool_area",
        "Ar&ea",
        ("E",),
        "area",
        "Measure an area and its grey values: click its border, or trace it",
        group="tool",
    ),
    Command(
        "tool_rectangle",
        "Recta&ngle",
        ("Shift+R",),
        "rectangle",
        "Measure a rectangle and its grey values",
        group="tool",
    ),
    Command(
        "tool_ellipse",
        "E&llipse",
        ("Shift+E",),
        "ellipse",
        "Measure an ellipse and its grey values",
        group="tool",
    ),
    Command("tool_text", "&Text", ("T",), "text", "Write on the image", group="tool"),
    Command("tool_arrow", "Arr&ow", ("Shift+A",), "arrow", "Point at something", group="tool"),
    Command(
        "tool_femoral_heads",
        "&Femoral heads",
        ("B",),
        "femoral-heads",
        "Place both femoral heads: two opposite points on the rim of each",
        group="tool",
    ),
    Command(
        "tool_plumb_points",
        "C7 and S&1 (plumb line)",
        ("Shift+B",),
        "plumb-line",
        "Place the middle of C7 and of S1, for balance",
        group="tool",
    ),
    Command(
        "tool_chest_edges",
        "Edges of the c&hest",
        ("Shift+G",),
        "chest-edges",
        "Place both edges of the chest at one height, for trunk shift",
        group="tool",
    ),
    Command(
        "tool_calibrate",
        "Cali&brate…",
        ("K",),
        "calibrate",
        "Set the scale by a known length",
        group="tool",
    ),
    Command("remove_calibration", "&Remove calibration"),
    Command("delete_drawings", "Delete all dra&wings"),
    Command(
        "measures",
        "Show &measures",
        ("M",),
        "measures",
        "Draw the selected measures on the image",
        True,
    ),
    Command(
        "compare",
        "Compare &with…",
        ("Ctrl+D",),
        "compare",
        "Compare examinations of one patient: two, the course, flexion and extension",
    ),
    Command(
        "examination_date",
        "&Date of the examination…",
        tip="Give an image whose file states no date the one of its examination",
    ),
    Command(
        "go_to_findings",
        "&Go to the findings",
        ("G",),
        "",
        "Put the keys on the findings: A accepts, C changes, R rejects, arrows go on",
    ),
    Command(
        "accept_rest",
        "&Accept all the rest",
        ("Ctrl+R",),
        "done",
        "Accept everything that is not decided yet, normal findings too",
    ),
    Command(
        "sign",
        "&Sign and save…",
        ("Ctrl+Return", "Ctrl+Enter"),
        "signed",
        "Look at the page as it will be, and sign the reading",
    ),
    Command("addendum", "A&dd addendum…", tip="Add to a signed reading, with the reason"),
    Command("versions", "&Earlier versions…", tip="Show the signed reading before its addenda"),
    Command("phrases", "&Phrases…", tip="Edit the phrases that keys stand for in an impression"),
    Command("next_slice", "Nex&t slice", ("PgDown",), "", "Show the next image of the series"),
    Command(
        "previous_slice", "Pre&vious slice", ("PgUp",), "", "Show the previous image of the series"
    ),
    Command("result_slice", "&Back to the result", ("Home",), "", "Show the analysed image"),
    Command("series", "Series o&f the study", ("Ctrl+B",), "", "Choose among the series found"),
    Command("next_case", "&Next case", ("N", "Ctrl+PgDown"), "next"),
    Command("previous_case", "&Previous case", ("P", "Ctrl+PgUp"), "previous"),
    Command("overlay", "Show &overlay", ("O",), "overlay", "Show the structures found", True),
    Command("outlines", "Out&lines only", ("L",), "outlines", "Outlines instead of areas", True),
    Command(
        "heatmap",
        "Show &heat map",
        ("H",),
        "heatmap",
        "Image regions that the classification is based on",
        True,
    ),
    Command(
        "reference_lines",
        "&Reference lines",
        ("J",),
        "",
        "Show where slices of the other open series cut this one",
        True,
    ),
    Command("less_opacity", "Overlay less opaque", ("[",)),
    Command("more_opacity", "Overlay more opaque", ("]",)),
    Command("fit", "&Fit to window", ("F",), "fit"),
    Command("one_to_one", "Actual &size (1:1)", ("1",), "one-to-one"),
    Command("zoom_in", "Zoom &in", ("+", "=", "Ctrl++"), "zoom-in"),
    Command("zoom_out", "&Zoom out", ("-", "Ctrl+-"), "zoom-out"),
    Command("turn_left", "Turn &left by 90°", (",",), "turn-left", "Turn the image to the left"),
    Command(
        "turn_right", "Turn &right by 90°", (".",), "turn-right", "Turn the image to the right"
    ),
    Command(
        "mirror",
        "&Mirror",
        ("X",),
        "mirror",
        "Exchange left and right; letters on the film itself turn round with it",
        True,
    ),
    Command(
        "tool_straighten",
        "&Straighten by a line",
        ("U",),
        "straighten",
        "Turn the image so that a line you draw is level or upright",
        group="tool",
    ),
    Command("show_as_in_file", "Show as in its &file", tip="Neither turned, mirrored nor inverted"),
    Command(
        "analyse_as_shown",
        "Analyse as s&hown",
        ("Shift+F5",),
        tip="Let the networks look at the turned image; corrected bodies stay where they are",
    ),
    Command(
        "turn_and_analyse",
        "Turn and anal&yse",
        tip="Show an image that lies on its side upright, and analyse it so",
    ),
    Command("invert", "In&vert", ("I",), "invert", "Invert the grey values", True),
    Command("reset_window", "Reset window and le&vel", ("R",), "reset-window"),
    Command("window_bone", "&Bone window", ("2",), checkable=True),
    Command("window_soft_tissue", "&Soft tissue window", ("3",), checkable=True),
    Command("window_brain", "B&rain window", ("4",), checkable=True),
    Command("window_automatic", "&Automatic window", ("5",), checkable=True),
    Command("window_whole_range", "&Whole range of grey values", ("6",), checkable=True),
    Command("next_window", "&Next window", ("W",)),
    Command("previous_window", "&Previous window", ("Shift+W",)),
    Command(
        "hide_patient",
        "Hide &patient data",
        ("Ctrl+H",),
        "",
        "Hide the patient data of the files everywhere",
        True,
    ),
    Command("full_screen", "Full scree&n", ("F11",), checkable=True),
    Command("theme_system", "&System", group="theme"),
    Command("theme_light", "&Light", group="theme"),
    Command("theme_dark", "&Dark", group="theme"),
    Command(
        "remember_recent",
        "Re&member recent files",
        tip="Keep the paths of recent files, and of what is open for the next start",
        checkable=True,
    ),
    Command(
        "clear_recent",
        "Clear recen&t files",
        tip="Forget the paths of recent files, and of what was open last time",
    ),
    Command("start_page", "&Start page and samples", (), "", "Show the page with sample cases"),
    Command("manual", "&Manual", ("F1",), "info", "What fits where you are now, and all else"),
    Command("first_steps", "&First steps", (), "", "Four bubbles that show where to begin"),
    Command("keyboard", "&Keyboard and mouse", (), "keyboard"),
    Command(
        "models",
        "M&odels…",
        ("Ctrl+Shift+M",),
        "model",
        "Models and their cards: install, remove and check them, choose which one answers",
    ),
    Command("places", "File &locations…", (), "folder"),
    Command("about", "&About SpineAlign", (), "info"),
)


class Actions:
    """The window's commands as Qt actions, by name."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._by_name: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        self._reasons: dict[str, str] = {}
        self._forbidden: dict[str, str] = {}
        self._told: dict[str, str] = {}
        """The reason that each command shows; each is offered many times between two changes."""
        for command in COMMANDS:
            self._by_name[command.name] = self._make(command)
        self._tips = {name: action.toolTip() for name, action in self._by_name.items()}

    def __getitem__(self, name: str) -> QAction:
        return self._by_name[name]

    def on(self, name: str, act: Callable[[], object]) -> None:
        """Do this when a command is given."""
        # Qt hands over whether the action is checked, which these commands do not want.
        self._by_name[name].triggered.connect(lambda: act())

    def show(self, names: Sequence[str], shown: bool) -> None:
        """Show or hide commands, in menus, tool bars and for their keys."""
        for name in names:
            self._by_name[name].setVisible(shown)

    def offer(self, name: str, reason: str = "") -> None:
        """Offer a command, or say in its tool tip why it is not possible now."""
        self._reasons[name] = reason
        self._apply(name)

    def forbid(self, reasons: Mapping[str, str]) -> None:
        """Offer none of these commands, whatever the window shows, and give up earlier ones."""
        names = {*self._forbidden, *reasons}
        self._forbidden = dict(reasons)
        for name in names:
            self._apply(name)

    def _apply(self, name: str) -> None:
        reason = self._forbidden.get(name, "") or self._reasons.get(name, "")
        if self._told.get(name) == reason:
            return
        self._told[name] = reason
        action = self._by_name[name]
        action.setEnabled(not reason)
        action.setToolTip(reason or self._tips[name])

    def reason(self, name: str) -> str:
        """Return why a command is not offered; empty where it is, and where nothing says so."""
        action = self._by_name[name]
        is_told = not action.isEnabled() and action.toolTip() != self._tips[name]
        return action.toolTip() if is_told else ""

    def reason_of_keys(self, keys: QKeySequence) -> str:
        """Return why the command of these keys is not offered; empty where no key is its own."""
        names = (n for n, a in self._by_name.items() if keys in a.shortcuts() and a.isVisible())
        return next((reason for name in names if (reason := self.reason(name))), "")

    def check(self, name: str, checked: bool = True) -> None:
        """Show a command as chosen, without running it."""
        self._by_name[name].setChecked(checked)

    def rename(self, name: str, text: str) -> None:
        """Say more exactly what a command would do now."""
        action = self._by_name[name]
        if action.text() == text:
            return
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setText(text)
        self._tips[name] = text.replace("&", "") + (f" ({keys})" if keys else "")
        if action.isEnabled():
            action.setToolTip(self._tips[name])

    def _make(self, command: Command) -> QAction:
        action = QAction(command.text, self._window)
        if command.icon_name:
            action.setIcon(icon(command.icon_name))
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        plain = plain_text(command)
        keys = f" ({command.keys[0]})" if command.keys else ""
        action.setToolTip(f"{command.tip or plain}{keys}")
        action.setStatusTip("")
        action.setIconText(command.short or plain)
        action.setCheckable(command.checkable or bool(command.group))
        # An icon would take the place of the tick.
        action.setIconVisibleInMenu(not action.isCheckable())
        if command.group:
            self._group(command.group).addAction(action)
        self._window.addAction(action)
        return action

    def _group(self, name: str) -> QActionGroup:
        if name not in self._groups:
            self._groups[name] = QActionGroup(self._window)
        return self._groups[name]


def plain_text(command: Command) -> str:
    """Return a command's words without key mark and dots."""
    return command.text.replace("&", "").rstrip("…")
