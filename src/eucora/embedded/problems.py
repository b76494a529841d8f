"""What goes wrong with the embedded servers, said in one sentence that names the mend."""

from eucora.problems import EucoraError


class EmbeddedError(EucoraError):
    """An embedded server did not start; its log in the data directory says why."""
