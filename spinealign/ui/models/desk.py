"""All work on installed models, in one thread; what is listed, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.model_store import ListedModel
from spinealign.ui.models.jobs import Installing, list_models, use_model, verify_model
from spinealign.ui.work.model_services import InstalledModels
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.ui.workbench import Workbench

Steps = Generator[object, None, object]
Report = Callable[[Exception], object]


class ModelDesk(QObject):
    """Asks the models what is installed and lets them change it, one thing after another.

    `listed` brings the models as a `Listing`, `changed` the same after something was installed,
    removed or chosen, `copied` how much of a model that is installed is copied, 0..1.
    """

    listed = pyqtSignal(object)
    changed = pyqtSignal(object)
    copied = pyqtSignal(float)

    def __init__(self, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent or bench)
        self._services, self._at_work = bench.services, bench.at_work
        self._runner = TaskRunner(bench.messages, bench)
        self._installing: Installing | None = None
        bench.add_runner(self._runner)

    def refresh(self, report: Report | None = None) -> Task:
        """List the models; `listed` follows."""
        task = self._submit(list_models, report)
        task.finished.connect(self.listed)
        return task

    def install(self, path: Path, is_replacing: bool, report: Report) -> Task:
        """Copy a model; the task brings what is listed of it."""
        # Signals are handed from thread to thread.
        self._installing = Installing(path, is_replacing, self.copied.emit)
        return self._change(self._installing.run, report)

    def stop(self) -> None:
        """Install nothing, if that is what is being done."""
        if self._installing is not None:
            self._installing.stop()

    def remove(self, model: ListedModel, report: Report) -> Task:
        """Delete a person's own model."""
        return self._change(_at_once(lambda models: models.remove(model.name)), report)

    def use(self, model: ListedModel, report: Report) -> Task:
        """Let a model answer."""
        return self._change(lambda models: use_model(models, model), report)

    def end_use(self, model: ListedModel, report: Report) -> Task:
        """Let a model that was chosen answer no more; the task brings what is listed of it."""
        return self._change(_at_once(lambda models: models.end_use(model.name)), report)

    def shadow(self, model: ListedModel, report: Report) -> Task:
        """Let a model run beside the one that answers."""
        return self._change(_at_once(lambda models: models.shadow(model.name)), report)

    def end_shadow(self, model: ListedModel, report: Report) -> Task:
        """Let a model run beside another one no more."""
        return self._change(_at_once(lambda models: models.end_shadow(model.name)), report)

    def verify(self, model: ListedModel, report: Report) -> Task:
        """Look whether a model is as its checksums say; the task brings a `Verified`."""
        return self._submit(lambda models: verify_model(models, model.name), report)

    def _submit(self, work: Callable[[InstalledModels], Steps], report: Report | None) -> Task:
        watch = self._at_work.watch_models()
        return self._runner.submit(lambda: work(self._services.open_models(watch)), report)

    def _change(self, work: Callable[[InstalledModels], Steps], report: Report) -> Task:
        task = self._submit(work, report)
        # However it ended, something of it may have been done.
        task.ended.connect(self._list_changed)
        return task

    def _list_changed(self) -> None:
        task = self.refresh()
        task.finished.connect(self.changed)


def _at_once(act: Callable[[InstalledModels], object]) -> Callable[[InstalledModels], Steps]:
    def work(models: InstalledModels) -> Generator[None, None, object]:
        yield
        return act(models)

    return work
