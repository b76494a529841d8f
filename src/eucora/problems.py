"""Two kinds of failure, named for what the sender should do. Foreign errors are translated at the border."""

from eucora_wire.problems import Document, ItemProblem, document


class EucoraError(Exception):
    """Something went wrong that an operator can mend; the message says how."""


class Refused(EucoraError):
    """The request must change before it is sent again. Doors answer 4xx with this problem document."""

    def __init__(self, slug: str, detail: str = "", **more: object) -> None:
        super().__init__(f"{slug}: {detail}" if detail else slug)
        self.slug = slug
        self.document: Document = document(slug, detail, **more)


class TryLater(EucoraError):
    """The same request may succeed later. Doors answer 429 or 503 with Retry-After."""

    def __init__(self, slug: str = "journal-unavailable", detail: str = "", retry_after_s: float = 5.0) -> None:
        super().__init__(f"{slug}: {detail}" if detail else slug)
        self.slug = slug
        self.retry_after_s = retry_after_s
        self.document: Document = document(slug, detail, retry_after_s=retry_after_s)


class Misconfigured(EucoraError):
    """A setting, file or server is not as it must be; nothing was started."""


__all__ = ["Document", "EucoraError", "ItemProblem", "Misconfigured", "Refused", "TryLater", "document"]
