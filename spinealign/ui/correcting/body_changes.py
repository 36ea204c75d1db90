"""What menus do with vertebral bodies and with the whole picture, each as one change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from PyQt6.QtCore import QPointF

from spinealign.domain.findings import (
    BY_PERSON,
    Caution,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.measurements import DrawingKey, DrawingTool, Point
from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.picture.drawing_tools import Points
from spinealign.ui.picture.handles import MarkRef
from spinealign.wording import Message, caution_text
from spinealign.wording.corrections import drawing_name, left_suggested_message, point_name

FREE_SHARE = 1.25
"""Distance from a body's centre to the next one's, in heights of the body."""


class BodyChanges:
    """Changes that need no dragging.

    Parameters
    ----------
    session : EditSession
        The case that is shown.
    """

    def __init__(self, session: EditSession) -> None:
        self.session = session

    def rename(
        self, body: Vertebra, level: str, above_follow: bool, below_follow: bool = True
    ) -> None:
        """Give a body another level; its neighbours follow."""
        from spinealign.measure.correction.changes import rename_level

        self.session.change(
            f"rename {body.name} to {level}",
            partial(
                rename_level, body_index=body.index, level=level, above_follow=above_follow,
                below_follow=below_follow,
            ),
        )  # fmt: skip

    def delete(self, body: Vertebra) -> None:
        """Take a body away."""
        from spinealign.measure.correction.changes import delete_vertebra

        change = partial(delete_vertebra, body_index=body.index)
        self.session.change(f"delete {body.name}", change)

    def delete_drawing(self, key: DrawingKey) -> None:
        """Take a drawing away."""
        from spinealign.measure.correction.changes import delete_drawing

        drawn = self.session.drawing(key)
        if drawn is not None:
            self.session.change(f"delete {drawing_name(drawn)}", partial(delete_drawing, key=key))

    def set_text(self, key: DrawingKey, text: str) -> None:
        """Let a note say something else; a text that says nothing is taken away."""
        from spinealign.measure.correction.changes import set_drawing_text

        drawn = self.session.drawing(key)
        if drawn is None:
            return
        if not text and drawn.tool is DrawingTool.TEXT:
            self.delete_drawing(key)
            return
        change = partial(set_drawing_text, key=key, text=text)
        self.session.change(f"edit {drawing_name(drawn)}", change)

    def add_text(self, place: Point, text: str) -> None:
        """Write something on the picture."""
        from spinealign.measure.correction.changes import add_drawing

        if text:
            change = partial(add_drawing, tool=DrawingTool.TEXT, points=(place,), text=text)
            self.session.change("write text", change)

    def delete_drawings(self) -> None:
        """Take all drawings away."""
        self.session.change("delete all drawings", lambda state: replace(state, drawings=()))

    def reset_points(self, body: Vertebra) -> None:
        """Put all points of a body back where the program saw them."""
        from spinealign.measure.correction.changes import reset_body

        analysis = self.session.analysis
        if analysis is not None:
            change = partial(reset_body, body_index=body.index, analysis=analysis)
            self.session.change(f"reset points of {body.name}", change)

    def reset_point(self, body: Vertebra, ref: MarkRef) -> None:
        """Put one point back where the program saw it.

        With its last moved point a body gets its own outline back, too.
        """
        from spinealign.measure.correction.changes import reset_landmark

        placed = [mark for mark in body.landmarks if mark.source in BY_PERSON]
        analysis = self.session.analysis
        if len(placed) == 1 and body.state is not VertebraState.ADDED:
            self.reset_points(body)
        elif analysis is not None:
            change = partial(
                reset_landmark, body_index=ref.body_index, name=ref.name, analysis=analysis
            )
            self.session.change(f"reset {point_name(body.name, ref.name)}", change)

    def accept(self, suggestion: Vertebra) -> None:
        """Count a suggested body among the bodies."""
        from spinealign.measure.correction.suggestions import accept_suggestion

        name = suggestion.level or "body"
        change = partial(accept_suggestion, suggestion=suggestion)
        before = self._implausible
        self.session.change(f"accept suggested {name}", change)
        if (now := self._implausible) is not None and now != before:
            self.session.tell(Message(caution_text(now), ""))

    def accept_all(self) -> None:
        """Count all suggested bodies among the bodies that can be; say which cannot."""
        from spinealign.measure.correction.suggestions import accept_suggestions

        analysis, state = self.session.analysis, self.session.corrections
        if analysis is None or state is None:
            return
        made = accept_suggestions(state, analysis.suggestions, analysis.image.pixel_aspect)
        is_allowed = self.session.change(
            "accept all suggested bodies", lambda _before: made.corrections
        )
        left = left_suggested_message(made.implausible, made.without_level)
        if is_allowed and left is not None:
            self.session.tell(left)

    @property
    def _implausible(self) -> Caution | None:
        """What is told of accepted bodies that cannot be neighbours of the others."""
        cautions = () if self.session.analysis is None else self.session.analysis.cautions
        code = WarningCode.ACCEPTED_IMPLAUSIBLE
        return next((caution for caution in cautions if caution.code is code), None)

    def confirm(self, body: Vertebra) -> None:
        """Stand for the level of an accepted body."""
        from spinealign.measure.correction.changes import confirm_name

        self.session.change(
            f"confirm the name {body.name}", partial(confirm_name, body_index=body.index)
        )

    def confirm_corners(self, names: Sequence[str]) -> None:
        """Stand for the points of bodies where they are."""
        from spinealign.measure.correction.changes import confirm_corners

        words = f"confirm the corners of {', '.join(names)}"
        self.session.change(words, lambda state: confirm_corners(state, *names))

    def confirm_all(self) -> None:
        """Stand for the levels of all accepted bodies."""
        from spinealign.measure.correction.changes import confirm_names

        self.session.change("confirm all names", confirm_names)

    def shift_levels(self, steps: int) -> None:
        """Call all vertebrae and discs some levels higher; 0 confirms assumed levels."""
        from spinealign.measure.correction.level_shift import shift_levels

        analysis = self.session.analysis
        if analysis is not None:
            words = {1: "shift levels up", -1: "shift levels down", 0: "confirm levels"}
            change = partial(shift_levels, steps=steps, analysis=analysis)
            self.session.change(words[steps], change)

    def swap_anterior_posterior(self) -> None:
        """Turn the patient round."""
        from spinealign.measure.correction.changes import swap_anterior_posterior

        self.session.change("swap anterior and posterior", swap_anterior_posterior)

    def set_bent(self, is_bent: bool) -> None:
        """Say whether the film is taken in flexion or extension."""
        from spinealign.measure.correction.changes import set_bent

        analysis = self.session.analysis
        if analysis is not None:
            words = "flexion or extension film" if is_bent else "film in neutral posture"
            change = partial(set_bent, is_bent=is_bent, image=analysis.image)
            self.session.change(words, change)

    def set_examination_date(self, day: date | None) -> None:
        """Give the image, whose file states none, the date of its examination."""
        from spinealign.measure.correction.changes import set_examination_date

        words = "give the examination a date" if day else "take the date away"
        change = partial(set_examination_date, day=day)
        self.session.change(words, change, is_of_result=False)

    def add_at(self, point: QPointF, label: str = "add vertebra") -> None:
        """Add a body around a point, as large and as tilted as its neighbours."""
        from spinealign.measure.correction.changes import add_vertebra_at

        change = partial(add_vertebra_at, x=point.x(), y=point.y(), plane=self.session.plane)
        self.session.change(label, change)

    def add_beside(self, body: Vertebra, side: int) -> None:
        """Add a body above (-1) or below (1) another, where the next one belongs."""
        state = self.session.corrections
        if state is not None:
            words = "above" if side < 0 else "below"
            place = place_beside(state.vertebrae, body, side)
            self.add_at(place, f"add a vertebra {words} {body.name}")

    def calibrate(self, ends: Points, length_mm: float) -> None:
        """Set the spacing by a line whose length is known."""
        from spinealign.measure.correction.changes import calibrate

        analysis = self.session.analysis
        if analysis is not None:
            start, end = ends
            self.session.change(
                "calibrate",
                lambda state: calibrate(state, start, end, length_mm, analysis.image),
            )

    def remove_calibration(self) -> None:
        """Go back to the spacing that the file tells, or to none."""
        from spinealign.measure.correction.changes import without_calibration

        self.session.change("remove calibration", without_calibration)


def place_beside(bodies: tuple[Vertebra, ...], body: Vertebra, side: int) -> QPointF:
    """Return where the body next to another belongs.

    In the middle of a gap twice as large as usual; else one step further along the
    line from the neighbour on the other side.
    """
    by_index = {other.index: other for other in bodies}
    here = _centre(body)
    beyond, behind = by_index.get(body.index + side), by_index.get(body.index - side)
    if beyond is not None:
        x, y = _centre(beyond)
        return QPointF((here[0] + x) / 2, (here[1] + y) / 2)
    if behind is not None and behind.level != "C2":
        x, y = _centre(behind)
        return QPointF(2 * here[0] - x, 2 * here[1] - y)
    rows = [y for _, y in body.outline]
    return QPointF(here[0], here[1] + side * FREE_SHARE * (max(rows) - min(rows)))


def _centre(body: Vertebra) -> Point:
    xs, ys = zip(*body.outline, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
