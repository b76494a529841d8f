"""Freed memory goes back to the system: what one full inventory took once would else count as the agent's for ever.

glibc raises the size from which it maps blocks of their own as it goes, and then keeps them; fixed, it keeps none. Worth
1.6 MB of 45 after an inventory of 700 packages. Elsewhere (musl) there is nothing to set.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
BYTES = 2**16


def keep_little() -> None:
    """Ask glibc to keep no freed block larger than this."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, BYTES)
        mallopt(M_TRIM_THRESHOLD, BYTES)
