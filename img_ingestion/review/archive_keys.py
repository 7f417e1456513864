"""Whether originals can be encrypted here, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion import sealing, unsealing

if TYPE_CHECKING:
    from img_ingestion.home import Home
    from img_ingestion.settings import Settings


def keys_of_archive(home: Home, settings: Settings) -> str:
    """
    Try the keys that originals are encrypted to, and that they are opened with, if it is here.

    Raises
    ------
    SettingsError
        A recipient is none; the key that is here is none, or others can read it; or what takes
        it is not installed.

    """
    asked = {
        one for own in (settings, *settings.customers.values()) for one in own.archive.recipients
    }
    if asked:
        sealing.recipients(tuple(sorted(asked)))
    said = f"encrypted to {len(asked)} keys" if asked else "not encrypted"
    waiting = len(sealing.unsealed(home))
    if waiting:
        said += f", {waiting} originals in state/unsealed/ until the next pass"
    if not (home.state / "keys" / unsealing.IDENTITY).exists():
        what = "originals are not opened here: verify holds their bytes against what was written"
        return f"{said}; {what}" if asked else said
    here = {str(one.to_public()) for one in unsealing.identities(home)}
    opens = f"opens {len(asked & here)} of them" if asked else "is here"
    return f"{said}; state/keys/{unsealing.IDENTITY} {opens}"
