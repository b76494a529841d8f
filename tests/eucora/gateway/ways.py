"""Every way to be refused, and the problem that must be told. A new problem needs a way here, or a test fails."""

import uuid
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import msgspec
import zstandard
from tests.eucora.gateway.plane import BOOT, Device, Enrol, Plane, Start, csr_for, new_ed25519, new_p256

from eucora import clock
from eucora.domains.audit import Act
from eucora.domains.devices import revocation
from eucora.domains.identity.forget import forget_user
from eucora_wire.answer import Account
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import content_digest, format_digest
from eucora_wire.payload import encode, encode_one
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.sections.software import Package, Software

MIB = 2**20
GIB = 2**30


@dataclass
class Scene:
    """What a way to be refused is given. `device` is refused, and must be served afterwards."""

    plane: Plane
    start: Start
    enrol: Enrol
    owner: Any
    device: Device

    async def send(self, body: bytes, count: int = 1, encoding: str = "identity", **changes: Any) -> httpx.Response:
        return await self.device.send(self.device.seal(body, count, encoding, **changes))

    def body(self, **fields: Any) -> bytes:
        return encode_one(self.device.payload(**fields))

    async def revoke(self, device: Device) -> None:
        act = Act(act="device.revoked", audit_class="lifecycle", actor_kind="platform", actor="test")
        await revocation.revoke(self.plane.pool, device.id, act, clock.now())


Way = Callable[[Scene], Awaitable[httpx.Response]]
WAYS: dict[str, tuple[str, Way]] = {}


def refused_as(slug: str) -> Callable[[Way], Way]:
    """Registers a way to be refused, under its own name, with the problem that must be told."""

    def keep(way: Way) -> Way:
        WAYS[way.__name__] = slug, way
        return way

    return keep


# --- nothing moves: what can't be read as ours ----------------------------------------------------------------------


@refused_as("not-found")
async def an_unknown_path(scene: Scene) -> httpx.Response:
    return await scene.device.client.post("/v1/telemetry/", content=b"{}")


@refused_as("not-found")
async def a_path_of_the_enrolment_listener(scene: Scene) -> httpx.Response:
    return await scene.device.client.post("/v1/enrol", json={"token": "x", "csr": "x"})


@refused_as("method-not-allowed")
async def a_wrong_method(scene: Scene) -> httpx.Response:
    return await scene.device.client.get("/v1/telemetry")


@refused_as("method-not-allowed")
async def a_wrong_method_with_a_good_batch(scene: Scene) -> httpx.Response:
    sealed = scene.device.batch(scene.device.payload())
    return await scene.device.client.put("/v1/telemetry", content=sealed.body, headers=sealed.headers)


@refused_as("wrong-content-type")
async def a_wrong_content_type(scene: Scene) -> httpx.Response:
    return await scene.device.send(scene.device.batch(scene.device.payload()), **{"content-type": "text/plain"})


@refused_as("wrong-content-encoding")
async def a_wrong_content_encoding(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(), encoding="br")


@refused_as("bad-header")
async def a_sequence_that_is_no_number(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(), sequence=0)


@refused_as("bad-header")
async def a_missing_header(scene: Scene) -> httpx.Response:
    sealed = scene.device.batch(scene.device.payload())
    del sealed.headers["eucora-boot"]
    return await scene.device.send(sealed)


@refused_as("bad-header")
async def an_unreadable_eucora_sent(scene: Scene) -> httpx.Response:
    return await scene.device.send(scene.device.batch(scene.device.payload()), **{"eucora-sent": "yesterday"})


@refused_as("unsupported-schema")
async def a_schema_of_the_future(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(), schema="9.0")


@refused_as("unsigned")
async def no_signature(scene: Scene) -> httpx.Response:
    sealed = scene.device.batch(scene.device.payload())
    del sealed.headers["signature"], sealed.headers["signature-input"]
    return await scene.device.send(sealed)


@refused_as("unsigned")
async def a_signature_for_another_purpose(scene: Scene) -> httpx.Response:
    body = scene.body()
    scene.device.seal(body)
    headers = scene.device.signed("eucora-request", body)
    return await scene.device.client.post("/v1/telemetry", content=body, headers=headers | {"content-encoding": "gzip"})


@refused_as("unsigned")
async def a_header_of_ours_that_is_not_covered(scene: Scene) -> httpx.Response:
    return await scene.device.send(scene.device.batch(scene.device.payload()), **{"eucora-voids": "1"})


# --- nothing moves: who it is from ----------------------------------------------------------------------------------


@refused_as("bad-signature")
async def an_altered_header(scene: Scene) -> httpx.Response:
    sealed = scene.device.batch(scene.device.payload())
    later = str(int(sealed.headers["eucora-clock"]) + 1)
    return await scene.device.send(sealed, **{"eucora-clock": later})


@refused_as("bad-signature")
async def an_altered_body_with_a_digest_to_match(scene: Scene) -> httpx.Response:
    sealed = scene.device.seal(scene.body())
    other = msgspec.structs.replace(sealed, body=sealed.body + b" ")
    return await scene.device.send(other, **{"content-digest": content_digest(other.body)})


@refused_as("bad-signature")
async def the_signature_of_another_key_under_this_ones_id(scene: Scene) -> httpx.Response:
    sealed = scene.device.seal(scene.body())
    forged = scene.device.signed("eucora-telemetry", sealed.body, new_ed25519())["signature"]
    return await scene.device.send(sealed, signature=forged)


@refused_as("bad-signature")
async def an_altered_header_under_a_p256_key(scene: Scene) -> httpx.Response:
    scene.device = await scene.enrol(scene.plane, new_p256())
    return await an_altered_header(scene)


@refused_as("digest-mismatch")
async def an_altered_body(scene: Scene) -> httpx.Response:
    sealed = scene.device.seal(scene.body())
    return await scene.device.send(msgspec.structs.replace(sealed, body=sealed.body.replace(b"12.5", b"12.6")))


@refused_as("unknown-device")
async def a_key_that_was_never_enrolled_behind_a_good_certificate(scene: Scene) -> httpx.Response:
    honest, scene.device.key = scene.device.key, new_ed25519()
    try:
        return await scene.send(scene.body())
    finally:
        scene.device.key = honest


@refused_as("unknown-device")
async def a_key_that_was_deleted(scene: Scene) -> httpx.Response:
    deleted = await scene.enrol(scene.plane)
    await scene.owner.execute("DELETE FROM signers WHERE device = $1", deleted.id)
    return await deleted.send(deleted.batch(deleted.payload()))


@refused_as("unknown-device")
async def a_key_that_was_deleted_after_the_door_had_seen_it(scene: Scene) -> httpx.Response:
    deleted = await scene.enrol(scene.plane)
    await deleted.good()
    await scene.owner.execute("DELETE FROM signers WHERE device = $1", deleted.id)
    return await deleted.send(deleted.batch(deleted.payload()))


@refused_as("unknown-device")
async def another_devices_name_in_the_header(scene: Scene) -> httpx.Response:
    other = await scene.enrol(scene.plane)
    return await scene.send(scene.body(), device=other.id)


@refused_as("revoked-device")
async def a_revoked_device(scene: Scene) -> httpx.Response:
    revoked = await scene.enrol(scene.plane)
    await scene.revoke(revoked)
    return await revoked.send(revoked.batch(revoked.payload()))


@refused_as("revoked-device")
async def a_device_that_was_revoked_after_the_door_had_seen_its_key(scene: Scene) -> httpx.Response:
    revoked = await scene.enrol(scene.plane)
    await revoked.good()  # from now on the door holds the key for active; the append transaction knows better
    await scene.revoke(revoked)
    response = await revoked.send(revoked.batch(revoked.payload()))
    assert len(await scene.plane.entries(revoked.stream)) == 1
    return response


@refused_as("other-installation")
async def a_batch_of_another_installation(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(), installation=uuid.uuid4())


# --- nothing moves: where it stands in the stream -------------------------------------------------------------------


@refused_as("fork")
async def another_body_under_a_used_sequence(scene: Scene) -> httpx.Response:
    await scene.device.good()
    scene.device.take_back()
    forked = await scene.send(scene.body(hardware=None))
    assert not forked.json().get("new_stream"), "it is held until an operator has said what it was"
    assert len(await scene.plane.entries(scene.device.stream)) == 1
    return await _after_the_fork(scene, forked)


@refused_as("fork")
async def a_chain_that_does_not_fit(scene: Scene) -> httpx.Response:
    await scene.device.good()
    return await _after_the_fork(scene, await scene.send(scene.body(), previous=format_digest(bytes(32))))


@refused_as("fork")
async def another_devices_stream(scene: Scene) -> httpx.Response:
    other = await scene.enrol(scene.plane)
    await other.good()
    return await _after_the_fork(scene, await scene.send(scene.body(), stream=other.stream, sequence=2))


async def _after_the_fork(scene: Scene, forked: httpx.Response) -> httpx.Response:
    """The way out that the answer names: a new stream."""
    scene.device.take_back()
    scene.device.stream, scene.device.sequence = uuid.uuid4(), 0
    scene.device.before = (0, scene.device.ordinal, scene.device.previous)
    return forked


@refused_as("too-many-gaps")
async def a_batch_that_opens_the_sixty_fifth_gap(scene: Scene) -> httpx.Response:
    device = scene.device
    sealed = [device.batch(device.payload()) for _ in range(129)]
    for batch in sealed[::2]:
        assert (await device.send(batch)).status_code == 200
    device.batch(device.payload())
    refused = await device.send(device.batch(device.payload()))
    assert refused.json()["missing"] == list(range(2, 131, 2))
    assert (await device.send(sealed[1])).status_code == 200  # what fills a gap is never refused
    return refused


# --- later, the same bytes ------------------------------------------------------------------------------------------


@refused_as("too-fast")
async def more_than_the_pace_allows(scene: Scene) -> httpx.Response:
    slow = await scene.start(device_rate=1 / 60)
    await scene.device.good(slow.device_url)
    return await scene.device.send(scene.device.batch(scene.device.payload()), slow.device_url)


@refused_as("replay-later")
async def an_old_batch_while_the_door_is_crowded(scene: Scene) -> httpx.Response:
    busy = await scene.start()
    busy.house.turns._crowded = lambda: True
    await scene.device.good(busy.device_url)  # the present is never held for it
    now_ms = clock.to_ms(clock.now())
    sealed = scene.device.batch(scene.device.payload(), clock_ms=now_ms - 3_600_000)
    sent = format_sent(Sent(Boot(BOOT, 1_000_000 + 3_600_000), now_ms))
    return await scene.device.send(sealed, busy.device_url, **{"eucora-sent": sent})


@refused_as("disk-reserve")
async def a_disk_below_its_reserve(scene: Scene) -> httpx.Response:
    full = await scene.start(disk_reserve_mib=2**40)
    response = await scene.device.send(scene.device.batch(scene.device.payload()), full.device_url)
    assert 30 <= int(response.headers["retry-after"]) <= 60
    return response


@refused_as("journal-unavailable")
async def a_journal_that_is_away(scene: Scene) -> httpx.Response:
    lost = await scene.start()
    await scene.device.good(lost.device_url)
    await lost.pool.close()
    return await scene.device.send(scene.device.batch(scene.device.payload()), lost.device_url)


@refused_as("internal")
async def a_fault_of_ours(scene: Scene) -> httpx.Response:
    await scene.owner.execute("REVOKE INSERT ON journal_entries FROM eucora_app")
    try:
        return await scene.device.send(scene.device.batch(scene.device.payload()))
    finally:
        await scene.owner.execute("GRANT INSERT ON journal_entries TO eucora_app")


# --- the sequence is consumed: the signature holds, the body does not ------------------------------------------------


@refused_as("too-large")
async def a_body_over_the_limit(scene: Scene) -> httpx.Response:
    response = await scene.send(bytes(4 * MIB + 1))
    assert (await scene.plane.entries(scene.device.stream))[-1]["body"] is None
    return response


@refused_as("too-large")
async def a_body_over_the_limit_that_tells_its_length(scene: Scene) -> httpx.Response:
    sealed = scene.device.seal(bytes(4 * MIB + 1))
    return await scene.device.send(sealed, **{"content-length": str(len(sealed.body))})


@refused_as("inflates-too-much")
async def a_gigabyte_of_zeros_in_a_gzip(scene: Scene) -> httpx.Response:
    return await scene.send(zeros_in_gzip(GIB), encoding="gzip")


@refused_as("inflates-too-much")
async def a_gigabyte_of_zeros_in_a_zstd_frame_that_tells_its_size(scene: Scene) -> httpx.Response:
    return await scene.send(zeros_in_zstd(GIB, tells=True), encoding="zstd")


@refused_as("inflates-too-much")
async def a_gigabyte_of_zeros_in_a_zstd_frame_that_hides_its_size(scene: Scene) -> httpx.Response:
    return await scene.send(zeros_in_zstd(GIB, tells=False), encoding="zstd")


@refused_as("unreadable")
async def truncated_json(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body()[:-7])


@refused_as("unreadable")
async def a_damaged_zstd_frame(scene: Scene) -> httpx.Response:
    return await scene.send(zstandard.compress(scene.body())[:-3], encoding="zstd")


@refused_as("unknown-dictionary")
async def a_frame_that_names_a_dictionary_of_nobody(scene: Scene) -> httpx.Response:
    learnt = zstandard.train_dictionary(
        512, [b"telemetry, number %d" % (n * 7919) for n in range(1_000)], dict_id=50_000
    )
    body = zstandard.ZstdCompressor(dict_data=learnt).compress(scene.body())
    return await scene.send(body, encoding="zstd")


@refused_as("unreadable")
async def plain_json_under_the_name_of_gzip(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(), encoding="gzip")


@refused_as("unreadable")
async def nesting_deeper_than_any_stack(scene: Scene) -> httpx.Response:
    return await scene.send(b"[" * 100_000 + b"]" * 100_000)


@refused_as("items-mismatch")
async def fewer_items_than_the_header_accounts_for(scene: Scene) -> httpx.Response:
    return await scene.send(encode([scene.device.payload()]), count=2)


@refused_as("schema")
async def a_cpu_at_250_percent(scene: Scene) -> httpx.Response:
    response = await scene.send(scene.body().replace(b'"cpu":12.5', b'"cpu":250'))
    assert response.json()["items"][0]["path"] == "$.hardware.cpu"
    return response


@refused_as("schema")
async def a_field_that_nobody_knows(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body().replace(b'"hardware"', b'"secret_of_ada":1,"hardware"'))


@refused_as("nul-character")
async def a_nul_in_a_package_name(scene: Scene) -> httpx.Response:
    packages = (Package(name="bash", version="5.2"), Package(name="ba\x00sh", version="5.2"))
    response = await scene.send(scene.body(software=Software(packages=packages)))
    assert response.json()["items"][0]["path"] == "$.software.packages[1].name"
    return response


@refused_as("foreign-device")
async def another_devices_id_in_the_payload(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(device_id=uuid.uuid4()))


@refused_as("foreign-subject")
async def another_subject_in_the_payload(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(user_id=uuid.uuid4()), subject=uuid.uuid4())


@refused_as("foreign-subject")
async def a_subject_in_the_payload_where_the_batch_has_none(scene: Scene) -> httpx.Response:
    return await scene.send(scene.body(user_id=uuid.uuid4()))


@refused_as("foreign-subject")
async def a_session_of_somebody_else(scene: Scene) -> httpx.Response:
    session = Session(uuid.uuid4(), uuid.uuid4(), scene.device.id, clock.now(), context=Context(network="home"))
    return await scene.send(scene.body(sessions=(session,)), subject=uuid.uuid4())


@refused_as("erased-subject")
async def a_batch_of_a_person_who_was_erased(scene: Scene) -> httpx.Response:
    subject = uuid.UUID((await scene.device.log_on(Account(name=uuid.uuid4().hex))).json()["subject"])
    assert (await scene.device.send(scene.device.batch(scene.device.payload(), subject=subject))).status_code == 200
    act = Act(act="user.erased", audit_class="lifecycle", actor_kind="platform", actor="test")
    await forget_user(scene.plane.pool, scene.plane.keyring, subject, act, clock.now())
    response = await scene.send(scene.body(), subject=subject)
    assert (await scene.plane.entries(scene.device.stream))[-1]["body"] is None
    return response


# --- the enrolment listener -----------------------------------------------------------------------------------------


@refused_as("bad-token")
async def a_token_that_nobody_made(scene: Scene) -> httpx.Response:
    return await scene.plane.ask("/v1/enrol", {"token": "guessed", "csr": csr_for(new_ed25519())})


@refused_as("bad-request")
async def a_certificate_request_that_is_none(scene: Scene) -> httpx.Response:
    return await scene.plane.ask("/v1/enrol", {"token": await scene.plane.token(), "csr": "x"})


@cache
def zeros_in_gzip(size: int) -> bytes:
    """About a thousandth of the size."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@cache
def zeros_in_zstd(size: int, tells: bool) -> bytes:
    """About a thirty-thousandth of the size. `tells`: whether the frame names it."""
    packer = zstandard.ZstdCompressor(level=1).compressobj(size=size if tells else -1)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()
