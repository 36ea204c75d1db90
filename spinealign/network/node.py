"""SpineAlign as a node of the network: all that a window or a command asks for.

Making one opens nothing. Work that takes long is a generator; each `yield` is progress and the
point of cancellation.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.accounts.key_store import KeyStore, Secrets
from spinealign.domain import paths
from spinealign.domain.network import (
    ArrivedSeries,
    Delivery,
    FoundSeries,
    FoundStudy,
    NetworkError,
    NetworkProblem,
    PeerTest,
    StudyQuery,
    WorklistItem,
)
from spinealign.network.auditing import Auditor, Record
from spinealign.network.connecting import Timeouts, require_certificates
from spinealign.network.peers import (
    DicomPeer,
    NetworkSettings,
    Peer,
    ReceiverSettings,
    RetrieveWay,
    SignIn,
    WebPeer,
    load_settings,
    save_settings,
)

if TYPE_CHECKING:
    from spinealign.network.analyser import Analyse, Analysed
    from spinealign.network.database import Database
    from spinealign.network.fetching import AnyReceiver, Fetched
    from spinealign.network.handover import Handover
    from spinealign.network.inbox import Inbox
    from spinealign.network.outbox import Outbox, Queued
    from spinealign.network.receiver import Receiver
    from spinealign.network.sender import Sent

QUEUE_FOLDER, FETCHED_FOLDER = "network", "fetched"
"""In the profile: queue, copies of what is to be sent, and what was received; in it, what was
retrieved."""

QUEUE_FILE = "queue.sqlite"
"""As the module that opens it has it, which is loaded only then."""


_STUDY_ROOT_FIND, _WORKLIST = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.31"
"""SOP classes of searches (PS3.4 C.6.2, K.6.1), as the audit trail names them."""


class Network:
    """SpineAlign as a node, with what a user configured.

    Parameters
    ----------
    profile : Path, optional
        None is the one of this user on this computer.
    secrets : Secrets, optional
        Where passwords and tokens are kept; None is the system's key store.
    ask_secret : callable, optional
        Is given a peer whose password or token is not kept, and returns it, or None.
    now : callable
        Returns seconds since 1970.
    timeouts : Timeouts
    record : callable, optional
        Writes events into an audit trail, as `vault.session.Session.record` does; without one there
        is none.

    Attributes
    ----------
    has_arrived, has_been_told : threading.Event
        Set after each object that was received, and after each report on a storage commitment.
    """

    def __init__(
        self,
        profile: Path | None = None,
        *,
        secrets: Secrets | None = None,
        ask_secret: Callable[[Peer], str | None] = lambda peer: None,
        now: Callable[[], float] = time.time,
        timeouts: Timeouts | None = None,
        record: Record | None = None,
    ) -> None:
        self._auditor = Auditor(record)
        self._profile = profile or paths.profile_dir()
        self._secrets: Secrets = secrets or KeyStore()
        self._ask_secret = ask_secret
        self._now = now
        self._timeouts = timeouts or Timeouts()
        self._database: Database | None = None
        self._kept_inbox: Inbox | None = None
        self._receiver: Receiver | None = None
        self._told_listening = ExitStack()
        self._lock = threading.RLock()
        self.has_arrived = threading.Event()
        self.has_been_told = threading.Event()

    def close(self) -> None:
        """Stop the receiver and close the queue; what waits in it stays."""
        self.stop_receiver()
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = self._kept_inbox = None

    # Configured

    @property
    def settings(self) -> NetworkSettings:
        """All that is configured.

        Raises
        ------
        NetworkError
            The file is damaged.
        """
        return load_settings(self._profile)

    @property
    def is_configured(self) -> bool:
        """Whether there is any peer or rule; without them nothing here does anything."""
        settings = self.settings
        return bool(settings.peers or settings.receiver.rules)

    @property
    def has_queue(self) -> bool:
        """Whether anything was ever queued or received; asking makes no file."""
        return (self._profile / QUEUE_FOLDER / QUEUE_FILE).is_file()

    def save_peer(self, peer: Peer, secret: str | None = None, *, replaces: bool = False) -> bool:
        """Configure a peer; return whether its password or token is kept.

        Parameters
        ----------
        peer : Peer
        secret : str, optional
            Goes into the system's key store, and nowhere else.
        replaces : bool
            Whether there is a peer of this name already.

        Raises
        ------
        NetworkError
            There is one of this name, something about it is impossible, or a file of certificates
            cannot be used.
        ExportError
            The settings could not be written.
        """
        settings = self.settings.with_peer(peer, replaces=replaces)
        require_certificates(peer)
        save_settings(self._profile, settings)
        return secret is not None and self._secrets.set(peer.name, secret)

    def remove_peer(self, name: str) -> None:
        """Forget a peer and its password or token; what waits for it is told as failed.

        Raises
        ------
        NetworkError, ExportError
        """
        settings = self.settings
        is_signed_in = getattr(settings.peer(name), "sign_in", SignIn.NOTHING) != SignIn.NOTHING
        save_settings(self._profile, settings.without_peer(name))
        if is_signed_in:
            self._secrets.forget(name)

    def save_receiver(self, receiver: ReceiverSettings) -> None:
        """Configure the receiver; one that listens has to be started anew.

        Raises
        ------
        NetworkError, ExportError
        """
        save_settings(self._profile, self.settings.with_receiver(receiver))

    @property
    def keeps_secrets(self) -> bool:
        """Whether this system has a key store for passwords and tokens."""
        return self._secrets.is_there

    # Asked

    def test(self, peer: Peer, secret: str | None = None) -> PeerTest:
        """Try a connection, saved or not, and tell what failed."""
        if isinstance(peer, DicomPeer):
            from spinealign.network import dicom_services

            return dicom_services.test_peer(peer, self._timeouts)
        from spinealign.network import web_services

        return web_services.test_peer(peer, secret or self._secret_of(peer), self._timeouts)

    def find(self, name: str, query: StudyQuery) -> Generator[int, None, tuple[FoundStudy, ...]]:
        """Search a peer for studies; yields how many were found so far.

        Raises
        ------
        NetworkError
        """
        peer = self.settings.peer(name)
        self._auditor.asks(peer, _service_of(peer), query)
        if isinstance(peer, DicomPeer):
            from spinealign.network import dicom_services

            return (yield from dicom_services.find_studies(peer, query, self._timeouts))
        from spinealign.network import web_services

        yield 0
        return web_services.find_studies(peer, query, self._secret_of(peer), self._timeouts)

    def find_series(
        self, name: str, study_uid: str
    ) -> Generator[int, None, tuple[FoundSeries, ...]]:
        """List the series of a study that a peer has; see `find`."""
        peer = self.settings.peer(name)
        self._auditor.asks(peer, _service_of(peer), study_uid)
        if isinstance(peer, DicomPeer):
            from spinealign.network import dicom_services

            return (yield from dicom_services.find_series(peer, study_uid, self._timeouts))
        from spinealign.network import web_services

        yield 0
        return web_services.find_series(peer, study_uid, self._secret_of(peer), self._timeouts)

    def find_worklist(
        self, name: str, query: StudyQuery
    ) -> Generator[int, None, tuple[WorklistItem, ...]]:
        """Search the modality worklist of a DICOM peer; see `find`."""
        from spinealign.network import dicom_services

        peer = self.settings.peer(name)
        if not isinstance(peer, DicomPeer):
            raise NetworkError(NetworkProblem.NOT_SUPPORTED, name)
        self._auditor.asks(peer, _WORKLIST, query)
        return (yield from dicom_services.find_worklist(peer, query, self._timeouts))

    def fetch(
        self, name: str, folder: Path, study_uid: str, series_uid: str = ""
    ) -> Generator[int, None, Fetched]:
        """Retrieve a study or a series of it into a folder; yields how many objects came so far.

        Raises
        ------
        NetworkError
        """
        from spinealign.network.fetching import Collector, fetch

        peer = self.settings.peer(name)
        collector = Collector(folder, study_uid, series_uid)
        secret = self._secret_of(peer)
        try:
            with self._moved_to(peer) as receiver:
                fetched = yield from fetch(
                    peer, collector, study_uid, series_uid, receiver, secret, self._timeouts
                )
        except NetworkError as failure:
            self._auditor.retrieved(peer, collector.heads.values(), failure)
            raise
        self._auditor.retrieved(peer, collector.heads.values(), None)
        return fetched

    def new_fetched_folder(self, study_uid: str) -> Path:
        """Return a private folder for a study that is retrieved, the same each time.

        Raises
        ------
        NetworkError
            It cannot be made.
        """
        folder = self.fetched_folder / hashlib.sha256(study_uid.encode()).hexdigest()[:24]
        try:
            self.fetched_folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.fetched_folder.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error
        return folder

    @property
    def fetched_folder(self) -> Path:
        """Where the window keeps what it retrieved, a folder a study."""
        return self._profile / QUEUE_FOLDER / FETCHED_FOLDER

    @property
    def fetched_bytes(self) -> int:
        """How many bytes of retrieved images lie on this computer."""
        return sum(path.stat().st_size for path in self.fetched_folder.rglob("*") if path.is_file())

    def remove_fetched(self) -> None:
        """Delete all that was retrieved."""
        try:
            if self.fetched_folder.exists():
                shutil.rmtree(self.fetched_folder)
        except OSError as error:
            raise NetworkError(NetworkProblem.DISK, detail=error.strerror or "") from error

    @contextmanager
    def _moved_to(self, peer: Peer) -> Iterator[AnyReceiver | None]:
        """Have a receiver where C-MOVE may be used."""
        if not isinstance(peer, DicomPeer) or peer.retrieve_by == RetrieveWay.GET:
            yield None
            return
        with self._listening(is_needed=peer.retrieve_by == RetrieveWay.MOVE) as receiver:
            yield receiver

    @contextmanager
    def _listening(self, *, is_needed: bool = False) -> Iterator[AnyReceiver | None]:
        """Have the receiver that listens, of this program or another, or one for a moment.

        Parameters
        ----------
        is_needed : bool
            Whether it is a failure if there can be none.
        """
        from spinealign.network.handover import SharedReceiver

        with self._lock:
            listening = self._receiver
        if listening is not None:
            yield listening
            return
        receiver = self._new_receiver()
        try:
            receiver.start()
        except NetworkError as failure:
            handover = self._handover()
            if failure.problem is NetworkProblem.OWN_PORT and handover.is_shared:
                yield SharedReceiver(receiver.title, handover)
                return
            if is_needed:
                raise
            yield None
            return
        try:
            yield receiver
        finally:
            receiver.stop()

    # Sent

    def queue(self, names: Sequence[str], files: Sequence[Path]) -> Queued:
        """Queue DICOM files for peers; they are copied, and go out with the next `deliver`.

        A file that is not what it should be is told and keeps no other back.

        Raises
        ------
        NetworkError
            There is no such peer, or no room. Files before it are queued.
        """
        settings = self.settings
        for name in names:
            settings.peer(name)
        return self._outbox().add(names, files)

    def send(self, names: Sequence[str], files: Sequence[Path]) -> int:
        """Queue DICOM files as `queue` does; return how many were new, counted for each peer.

        Raises
        ------
        NetworkError
            There is no such peer, or a file is not what it should be. All others are queued.
        """
        queued = self.queue(names, files)
        for _, failure in queued.refused:
            raise failure
        return queued.count

    def deliver(self, *, wait_s: float = 0.0) -> Generator[Sent, None, None]:
        """Send all that is due. Failures are in `deliveries`, and tried again later.

        Parameters
        ----------
        wait_s : float
            How long is waited for reports on storage commitments; they are listened for so long.
        """
        from spinealign.network.sender import Sender, committed

        sender = Sender(
            self._outbox(), self.settings, self._secret_of, self._now, self._timeouts,
            self.has_been_told.set, self._auditor,
        )  # fmt: skip
        if not wait_s:
            yield from sender.deliver()
            return
        with self._listening():
            yield from sender.deliver()
            yield from committed(self._outbox(), wait_s, self.has_been_told)

    @property
    def deliveries(self) -> list[Delivery]:
        """All that is or was on its way, the oldest first."""
        return self._outbox().deliveries()

    def retry(self, numbers: Sequence[int]) -> None:
        """Have objects sent with the next `deliver`, also those that wait for a person."""
        self._outbox().retry(numbers)

    def forget(self, numbers: Sequence[int]) -> None:
        """Take objects off the list; those that are not delivered are not sent any more."""
        self._outbox().forget(numbers)

    # Received

    def start_receiver(self) -> None:
        """Listen for what the rules ask for.

        Raises
        ------
        NetworkError
            There are no rules, or the port cannot be used.
        """
        if not self.settings.receiver.rules:
            raise NetworkError(NetworkProblem.NO_RULES)
        with self._lock:
            if self._receiver is None:
                self._inbox().tidy()
                self._handover().tidy()
                receiver = self._new_receiver()
                receiver.start()
                self._receiver = receiver
                self._told_listening = self._handover().listening()

    def stop_receiver(self) -> None:
        """Listen no longer."""
        with self._lock:
            if self._receiver is not None:
                self._told_listening.close()
                self._receiver.stop()
                self._receiver = None

    @property
    def is_receiving(self) -> bool:
        """Whether the receiver listens."""
        return self._receiver is not None

    @property
    def arrivals(self) -> list[ArrivedSeries]:
        """All series that were received, the oldest first."""
        return self._inbox().series()

    def folder_of(self, series: ArrivedSeries) -> Path:
        """Return the folder with the images of a series."""
        return self._inbox().folder / series.folder

    @property
    def results_folder(self) -> Path:
        """Where results of received series are kept that no one wants elsewhere."""
        return self._opened().folder / "results"

    def analyse(self, analyse: Analyse) -> Generator[Analysed, None, None]:
        """Analyse the received series of which nothing more comes; queue results by the rules.

        Parameters
        ----------
        analyse : callable
            Is given a series and its folder; returns the DICOM files of its results.
        """
        from spinealign.network.analyser import analyse_due

        yield from analyse_due(self._inbox(), self._outbox(), self.settings, analyse, self._now)

    def analyse_again(self, numbers: Sequence[int]) -> None:
        """Have series analysed with the next `analyse`."""
        self._inbox().analyse_again(numbers)

    def remove_arrival(self, series: ArrivedSeries) -> None:
        """Delete a series that was received, with its images."""
        self._inbox().remove(series)

    def seconds_to_wait(self) -> float | None:
        """Return in how many seconds there is something to send or analyse; None without any."""
        times = [
            at for at in (self._outbox().next_due(), self._inbox().next_due()) if at is not None
        ]
        return max(0.0, min(times) - self._now()) if times else None

    # Its parts

    def _secret_of(self, peer: Peer) -> str | None:
        if not isinstance(peer, WebPeer) or peer.sign_in == SignIn.NOTHING:
            return None
        return self._secrets.get(peer.name) or self._ask_secret(peer)

    def _opened(self) -> Database:
        from spinealign.network.database import Database

        with self._lock:
            if self._database is None:
                self._database = Database(self._profile / QUEUE_FOLDER)
            return self._database

    def _outbox(self) -> Outbox:
        from spinealign.network.outbox import Outbox

        return Outbox(self._opened())

    def _inbox(self) -> Inbox:
        from spinealign.network.inbox import Inbox

        with self._lock:
            if self._kept_inbox is None:
                self._kept_inbox = Inbox(self._opened())
            return self._kept_inbox

    def _handover(self) -> Handover:
        from spinealign.network.handover import Handover

        return Handover(self._opened())

    def _new_receiver(self) -> Receiver:
        from spinealign.network.receiver import Receiver

        outbox = self._outbox()

        def report(
            names: Sequence[str], transaction: str, kept: Sequence[str], refused: Sequence[str]
        ) -> bool:
            was_asked = outbox.mark_commitment(names, transaction, kept, refused, self._now())
            self.has_been_told.set()
            return was_asked

        return Receiver(
            self.settings,
            self._inbox(),
            report,
            self._now,
            self._timeouts,
            self.has_arrived.set,
            self._handover(),
            self._auditor,
        )


def _service_of(peer: Peer) -> str:
    return _STUDY_ROOT_FIND if isinstance(peer, DicomPeer) else "QIDO-RS"
