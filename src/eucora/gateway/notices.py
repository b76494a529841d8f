"""What agents should know next, kept a few seconds so that an acknowledgement asks nothing: version of the
configuration, devices that should send a section whole. Somewhat old is harmless: the next answer says it again.
"""

import uuid

from eucora.domains.devices.policy import active_policy
from eucora.settings import Settings
from eucora.slice import Pool
from eucora.stores.postgres import translated
from eucora_wire.answer import Next
from eucora_wire.dictionary import PLAIN
from eucora_wire.enrol import Config
from eucora_wire.state import Section

RESYNC = """SELECT device, array_agg(DISTINCT section ORDER BY section) AS sections
              FROM (SELECT device, 'software' AS section FROM software_state WHERE resync
                    UNION ALL SELECT device, section FROM state_told WHERE resync) asked
             GROUP BY device"""


class Notices:
    """`refresh` every few seconds; `next_for` and `config` only read."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool, self._settings = pool, settings
        self._plain = Next()
        self._resync: dict[uuid.UUID, tuple[Section, ...]] = {}
        self.config = Config(version=0, policy="none")

    async def refresh(self) -> None:
        """Read anew. Raises TryLater."""
        with translated():
            async with self._pool.acquire() as connection:
                policy = await active_policy(connection)
                rows = await connection.fetch(RESYNC)
        self._resync = {row["device"]: tuple(row["sections"]) for row in rows}
        self._plain = Next(config=policy.version)
        self.config = Config(
            version=policy.version,
            policy=policy.digest,
            cadence_s=policy.terms["cadence_s"],
            collect=policy.terms["collect"],
            spool_max_age_s=self._settings.spool_max_age_days * 86400,
        )

    def next_for(self, device: uuid.UUID, dictionary: int = PLAIN) -> Next:
        """For the answer to this device; with the dictionary that it is told of."""
        asked = self._resync.get(device, ())
        if not asked and not dictionary:
            return self._plain
        return Next(config=self._plain.config, resync=asked, dictionary=dictionary)
