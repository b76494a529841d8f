"""What the device plane is handed by assembly, and what it keeps in memory between requests."""

import uuid
from dataclasses import dataclass, field
from functools import partial

from eucora.clock import monotonic
from eucora.gateway.authority import Authority
from eucora.gateway.disk import DiskGuard
from eucora.gateway.group import Group
from eucora.gateway.notices import Notices
from eucora.gateway.pace import Pace
from eucora.gateway.refusals import Refusals
from eucora.gateway.replay import CROWDED, Turns
from eucora.gateway.sites import Sites
from eucora.gateway.trace import commits
from eucora.journal.keys import Keyring
from eucora.journal.port import Journal
from eucora.observe.trace import OFF, Tracer
from eucora.pipeline import flow
from eucora.pipeline.intake import Intake, Signers
from eucora.pipeline.validate import Rules
from eucora.secrets import Secrets
from eucora.settings import Settings
from eucora.slice import Pool
from eucora.stores.ports import Cache
from eucora_wire.answer import Lane

ENROLMENTS_A_SECOND = 20.0
"""From one address, as a mean over a minute."""


@dataclass(frozen=True)
class Gateway:
    """Made by `furnish`. Nothing here is lost with the process but counters."""

    settings: Settings
    installation: uuid.UUID
    secrets: Secrets
    authority: Authority
    pool: Pool
    keyring: Keyring
    signers: Signers
    cache: Cache
    group: Group
    device_pace: Pace
    sites: Sites
    turns: Turns
    origin_pace: Pace
    disk: DiskGuard
    notices: Notices
    refusals: Refusals = field(default_factory=Refusals)
    tracer: Tracer = OFF


def furnish(
    *,
    settings: Settings,
    installation: uuid.UUID,
    secrets: Secrets,
    authority: Authority,
    pool: Pool,
    keyring: Keyring,
    journal: Journal,
    signers: Signers,
    cache: Cache,
    tracer: Tracer = OFF,
    refusals: Refusals | None = None,
) -> Gateway:
    """A device plane on these stores."""
    device_pace, sites = Pace("device", settings.device_rate), Sites(pool)
    turns = Turns(sites.of, lambda: group.waiting > CROWDED)

    def pace(device: uuid.UUID, lane: Lane) -> None:
        device_pace.take(device, monotonic())
        if lane == "replay":
            turns.take(device)

    intake = Intake(journal, signers, Rules(installation, settings.inflated_max_kib * 1024, pace))
    group = Group(partial(flow.check, intake=intake), commits(partial(flow.commit, intake=intake), tracer))
    return Gateway(
        settings=settings,
        installation=installation,
        secrets=secrets,
        authority=authority,
        pool=pool,
        keyring=keyring,
        signers=signers,
        cache=cache,
        group=group,
        device_pace=device_pace,
        sites=sites,
        turns=turns,
        origin_pace=Pace("origin", ENROLMENTS_A_SECOND),
        disk=DiskGuard(settings.data_dir, settings.disk_reserve_mib),
        notices=Notices(pool, settings),
        refusals=refusals or Refusals(),
        tracer=tracer,
    )
