"""What can go wrong for the agent, named for what to do about it."""

from eucora_wire.problems import BASE, REGISTRY, Document


class EucoraError(Exception):
    """The agent failed; the log says where."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class NotEnrolled(EucoraError):
    """This device is not enrolled: run `eucora-agent enrol --url URL --token TOKEN --ca FILE`."""


class AlreadyRunning(EucoraError):
    """Another agent runs on this state directory: stop it first, or give this one its own by EUCORA_AGENT_DIR."""


class BadSetting(EucoraError):
    """A setting is wrong: see the variables EUCORA_AGENT_*."""


class Untrusted(EucoraError):
    """The platform's certificate is not one that --ca or --ca-sha256 names: check the file and the address."""


class SpoolFull(EucoraError):
    """The disk, or the bound EUCORA_AGENT_SPOOL_MIB, takes no more: free some space; what was kept is sent."""


class SpoolFailing(SpoolFull):
    """The disk fails to write, or a quota is used up: look at the disk; what was kept is sent."""


class SpoolUnusable(EucoraError):
    """The spool can't be written: its folder and files must be the agent's own, and no other program may hold them."""


class SpoolFromNewer(EucoraError):
    """The spool was written by a newer agent: update this one, or give it another directory by EUCORA_AGENT_DIR."""


class TryLater(EucoraError):
    """The same request may succeed later. `retry_after_s` is the least wait that the platform asks for."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s = reason, retry_after_s


class ReplayLater(TryLater):
    """The platform takes what is new; what lay for long waits for its turn."""


class Unreachable(TryLater):
    """The platform can not be reached: look at the address, the network and the certificate."""


class Stalled(Unreachable):
    """The platform took the connection, and did not answer: the line carries too little, or it was ended on the way."""


class Refused(EucoraError):
    """The platform refuses this request as it is. `document` says why and names the mend."""

    def __init__(self, document: Document, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{document.title}. {document.mend}".strip())
        self.document, self.retry_after_s = document, retry_after_s

    @property
    def slug(self) -> str:
        return self.document.type.removeprefix(BASE)

    @property
    def settles(self) -> bool:
        """Whether the batch may be forgotten: its sequence is consumed, or the registry says so."""
        known = REGISTRY.get(self.slug)
        return self.document.consumed or (known is not None and known.settles)
