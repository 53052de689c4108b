r"""Signing: an artefact's Ed25519 signature, through the `cryptography` package (`pip install byoc[signing]`).

What is signed is b"byoc-artefact-v1\0" and the SHA-256 of the artefact before its trailer, so that no other use of
the key can be passed off as an artefact's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import ArtefactError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CONTEXT = b"byoc-artefact-v1\0"


@dataclass(frozen=True, slots=True)
class Signature:
    """The signer's raw public key (32 bytes) and the signature (64 bytes), both in hexadecimal."""

    key: str
    value: str


def sign(digest: bytes, key: Path) -> Signature:
    """Sign the SHA-256 `digest` with the Ed25519 private key in the PEM file `key`.

    Raises UsageError when `cryptography` is not installed, or `key` cannot be read or holds something else.
    """
    private = read_private_key(key)
    public = private.public_key().public_bytes_raw()
    return Signature(public.hex(), private.sign(_CONTEXT + digest).hex())


def is_valid(signature: Signature, digest: bytes) -> bool:
    """Whether `signature` is its key's for the SHA-256 `digest`; says nothing of whose the key is."""
    _installed()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        public.verify(bytes.fromhex(signature.value), _CONTEXT + digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def require(path: Path, signature: Signature | None, digest: bytes, key: Path) -> None:
    """Raise ArtefactError unless the artefact `path` is signed with the partner of the public key in `key` (PEM).

    Raises UsageError when `key` is no Ed25519 public key.
    """
    wanted = read_public_key(key)
    if signature is None:
        raise ArtefactError(
            f"{path} is not signed, and a signature by {key} is required; compile it with --sign"
        )
    if signature.key != wanted:
        raise ArtefactError(
            f"{path} is signed with the key {signature.key[:16]}..., expected {wanted[:16]}... of {key}; get the "
            "artefact from the key's owner, or give the key of its signer"
        )
    if not is_valid(signature, digest):
        raise ArtefactError(
            f"{path}: the signature is not of this content, though it names the key of {key}; the artefact was "
            "altered, get it again"
        )


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 private key in the unencrypted PEM file `path`. Raises UsageError for anything else."""
    _installed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        raise _no_key(path, "private", str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private", f"it holds a {type(key).__name__}")
    return key


def read_public_key(path: Path) -> str:
    """The raw Ed25519 public key in the PEM file `path`, in hexadecimal. Raises UsageError for anything else."""
    _installed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key: Any = load_pem_public_key(_read(path))
    except ValueError as error:
        raise _no_key(path, "public", str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", f"it holds a {type(key).__name__}")
    return key.public_bytes_raw().hex()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror or error}") from error


def _no_key(path: Path, kind: str, words: str) -> UsageError:
    how = "openssl genpkey -algorithm ed25519 -out key.pem"
    if kind == "public":
        how = "openssl pkey -in key.pem -pubout -out public.pem"
    return UsageError(
        f"{path} holds no Ed25519 {kind} key in PEM without a password: {words}; make one with `{how}`"
    )


def _installed() -> None:
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise UsageError(
            "signatures need the package cryptography, which is not installed; pip install 'byoc[signing]'"
        )
