"""Opens the settings, and carries what was chosen to where it has its effect."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QSlider, QWidget

from spinealign.domain.protection import Right
from spinealign.ui.correcting.shown_measures import ShownMeasures
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.settings.letterhead import keep_logo
from spinealign.ui.settings.settings import BYTES_IN_MB, OverlayStyle, Settings
from spinealign.ui.widgets.labels import offer
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.settings_dialog import MemoryUse, SettingsDialog
from spinealign.ui.window.settings_form import PageName
from spinealign.ui.workbench import Workbench
from spinealign.wording.settings_window import LOCK_IS_ADMINISTERED, NOT_KEPT


class SettingsCommands(QObject):
    """Every setting takes effect in `follow`, whichever way it was chosen."""

    def __init__(
        self,
        actions: Actions,
        bench: Workbench,
        theme: Theme,
        opacity: QSlider,
        measures: ShownMeasures,
        results: ResultsPanel,
        navigation: SliceNavigation,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._actions, self._bench, self._theme = actions, bench, theme
        self._opacity, self._measures, self._results = opacity, measures, results
        self._navigation, self._window = navigation, window
        actions.on("settings", self.open)
        actions.on("letterhead", partial(self.open, PageName.REPORTS))
        bench.preferences.adopted.connect(self.follow)
        self._guide_work()

    def open(self, page: PageName = PageName.GENERAL) -> None:
        """Show the settings."""
        bench, actions = self._bench, self._actions
        use = MemoryUse(bench.session.held_bytes, self._navigation.reader.held_bytes)
        dialog = SettingsDialog(bench.preferences, use, page, self._window)
        dialog.confirmed.connect(self._keep)
        for wanted, name in (
            (dialog.phrases_wanted, "phrases"),
            (dialog.clear_recent_wanted, "clear_recent"),
            (dialog.places_wanted, "places"),
            (dialog.encryption_wanted, "encryption"),
        ):
            wanted.connect(actions[name].trigger)
        offer(dialog.encryption, actions.reason("encryption"))
        dialog.offer_lock_minutes(self._lock_refusal)
        dialog.open()

    def follow(self) -> None:
        """Let every part of the window go by the settings."""
        settings, actions = self._bench.preferences.settings, self._actions
        if self._theme.choice is not settings.theme:
            self._theme.choose(settings.theme)
        for name, on in (
            (f"theme_{settings.theme.value}", True),
            ("overlay", settings.show_overlay),
            ("heatmap", settings.show_heatmap),
            ("measures", settings.show_measures),
            ("reference_lines", settings.show_reference_lines),
            ("outlines", settings.overlay_style is OverlayStyle.OUTLINES),
            ("hide_patient", settings.hide_patient_data),
            ("remember_recent", settings.remember_recent),
        ):
            actions.check(name, on)
        self._opacity.setValue(round(100 * settings.overlay_opacity))
        self._measures.recall()
        self._results.refresh()
        self._guide_work()

    def _guide_work(self) -> None:
        settings = self._bench.preferences.settings
        self._bench.session.analyses_at_once = settings.analyses_at_once
        self._bench.session.limit_memory(settings.case_memory_mb * BYTES_IN_MB)
        self._navigation.reader.limit_memory(settings.slice_memory_mb * BYTES_IN_MB)

    @property
    def _lock_refusal(self) -> str:
        """Why the minutes until it locks stay as they are; without accounts nothing locks."""
        return self._bench.at_work.refusal(Right.MANAGE_ACCOUNTS, LOCK_IS_ADMINISTERED)

    def _keep(self, settings: Settings, logo: bytes) -> None:
        preferences = self._bench.preferences
        if self._lock_refusal:  # the defaults, too, would change them
            kept = preferences.settings.lock_after_minutes
            settings = replace(settings, lock_after_minutes=kept)
        has_logo = keep_logo(preferences, logo)
        if not (preferences.adopt(settings) and has_logo):
            self._bench.messages.fail(NOT_KEPT)
