"""
What can go wrong, by who must act; and the one translator of foreign errors.

::

    GatewayError
      SettingsError         operator    nothing opened yet        stop, exit 2
      StorageError          operator    disk full, read-only      stop taking files, exit 4
        TakenOver           nobody      another run has it        leave it to that one
      AlreadyRunning        time        another run holds the lock   exit 6
      InstanceError         reviewer    this instance only        hold with a code, go on, exit 3
        NotDicom  Incomplete  TooLarge  NotAdmitted  NotDecoded
        NotDeidentified  NotVerified  NotRendered  NotDescribed
                                        (NoPicture: held there, other destinations take it)
      DeliveryError
        DestinationBusy     time        408 425 429 5xx, no net   stays waiting, exit 5
        DestinationRefused  developer   other 4xx, wrong answer   held, exit 3
          ParcelTooLarge    time        413                       split; alone: held
          DestinationShut   operator    401 403 404 405 407, no word of the contract's:
                                        held; three in a row: stays waiting, exit 5

A message names keywords, tags, rules, shapes and types, never a value and never a file name.
"""

import errno


class GatewayError(Exception):
    """The gateway met something it foresaw."""


class SettingsError(GatewayError):
    """A setting or a recipe line is wrong; nothing was opened."""


class StorageError(GatewayError):
    """A place that the gateway writes to is full, read-only or broken."""


class TakenOver(StorageError):
    """Another run that shares the ledger has what this one had in hand; nothing was entered."""


class AlreadyRunning(GatewayError):
    """Another run holds the lock."""


class InstanceError(GatewayError):
    """
    One instance cannot go on; the others can.

    `code` is the class's name: it is what the ledger, the reason file and the summary show.
    """

    plain = "held"

    @property
    def code(self) -> str:
        """The class's name, which is stable: operators and tests rely on it."""
        return type(self).__name__


class NotDicom(InstanceError):
    """The file is not a DICOM Part 10 file (PS3.10 section 7)."""

    plain = "not DICOM"


class Incomplete(InstanceError):
    """The file ends before its data set does."""

    plain = "incomplete"


class TooLarge(InstanceError):
    """The file, or what it would unpack to, is above a limit of the settings."""

    plain = "too large"


class NotAdmitted(InstanceError):
    """The kind of instance is not let through: no image, or a kind held by policy."""

    plain = "not admitted"


class NotDecoded(InstanceError):
    """The pixel data cannot be decoded, so they cannot be checked."""

    plain = "not decoded"


class NotDeidentified(InstanceError):
    """A step of the de-identification failed or could not decide."""

    plain = "not de-identified"


class NotVerified(InstanceError):
    """After de-identification something that identifies the patient was still found."""

    plain = "not verified"


class NotRendered(InstanceError):
    """The frames cannot be made into a faithful PNG."""

    plain = "not rendered"


class NotDescribed(InstanceError):
    """The backend's contract has no true words for this image."""

    plain = "not described"


class NoPicture(NotDescribed):
    """A destination that takes images only is not asked about an instance without pixel data."""

    plain = "no picture"


class DeliveryError(GatewayError):
    """A parcel did not arrive."""


class DestinationBusy(DeliveryError):
    """
    The destination cannot take the parcel now; it stays waiting.

    Parameters
    ----------
    message : str
        What happened, without a value of the body or of the answer.
    retry_after_s : float, optional
        What the destination asked for (Retry-After), in seconds.

    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DestinationRefused(DeliveryError):
    """
    The destination will not take this parcel however often it is asked; it is held.

    Parameters
    ----------
    message : str
        What happened, without a value of the body or of the answer.
    perhaps_taken : bool
        The answer does not tell whether the parcel was taken (no contract's word for it), so
        that its instances must not be tried again one by one.

    """

    def __init__(self, message: str, *, perhaps_taken: bool = False) -> None:
        super().__init__(message)
        self.perhaps_taken = perhaps_taken


class ParcelTooLarge(DestinationRefused):
    """The parcel is too large in one piece: its halves may be taken."""


class DestinationShut(DestinationRefused):
    """
    The answer speaks of us or of the address rather than of this parcel.

    One of them holds its parcel. Several in a row are a wrong token or a wrong URL, and all of
    it stays waiting until somebody puts that right.
    """


class turned_into:  # noqa: N801 (it reads as what it does)
    """
    Turn whatever foreign code raises into `kind`.

    pydicom, deid, numpy and the codecs quote values in their messages, so the new message
    has the type alone; the old error stays on `__cause__` for a debugger, not for a log.
    It stands around each element that is read, so it is no generator: those cost four times more.
    """

    __slots__ = ("_doing", "_kind")

    def __init__(self, kind: type[InstanceError], doing: str) -> None:
        self._kind, self._doing = kind, doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, GatewayError) or not isinstance(error, Exception):
            return
        # Only real input/output has an errno; codecs raise bare OSErrors for bad data.
        number = error.errno if isinstance(error, OSError) else None
        if isinstance(error, MemoryError) or number == errno.ENOMEM:
            raise TooLarge(f"{self._doing}: not enough memory") from error
        kind = self._kind if number is None else StorageError
        raise kind(f"{self._doing}: {type(error).__name__}") from error
