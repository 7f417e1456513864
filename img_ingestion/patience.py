"""How long a parcel waits for its next attempt."""

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0


def wait_s(key: str, attempts: int, asked_s: float) -> float:
    """
    Give the seconds until the next attempt: twice as long each time, an hour at the most.

    The key spreads what failed together over the second half of the time.
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts, 16))
    spread = int(key[:8], 16) / 0xFFFFFFFF
    return min(LONGEST_WAIT_S, max(asked_s, longest * (1 + spread) / 2))
