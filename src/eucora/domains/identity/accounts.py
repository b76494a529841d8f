"""Accounts in clear, for an instant: sealed under the person's own key, found by a keyed pseudonym, never logged."""

import uuid

import msgspec

from eucora.journal.keys import Key, Keyring
from eucora.sealing import Unopenable, open_sealed, seal
from eucora_wire.answer import Account


def full_name(account: Account) -> str:
    """What an operator types to find the person: `DOMAIN\\name`, or the name alone where there is no domain."""
    return f"{account.domain}\\{account.name}" if account.domain else account.name


def seal_account(key: Key, user_id: uuid.UUID, account: Account) -> bytes | None:
    """The account under the person's key; None when that key is destroyed."""
    return None if key.aead is None else seal(key.aead, msgspec.json.encode(account), _about(user_id))


async def open_account(
    keyring: Keyring, user_id: uuid.UUID, key_no: int | None, sealed: bytes | None
) -> Account | None:
    """The account in clear; None when it is not known or erased. Who calls this leaves an audit event."""
    if key_no is None or sealed is None:
        return None
    key = (await keyring.by_number([key_no])).get(key_no)
    if key is None:
        return None
    try:
        return msgspec.json.decode(open_sealed(key, sealed, _about(user_id)), type=Account)
    except Unopenable:
        return None


def _about(user_id: uuid.UUID) -> bytes:
    return f"users.account_sealed/{user_id}".encode()
