"""Money as people read it."""

USD_MICRO = 1_000_000
_CENT = USD_MICRO // 100


def dollars(usd_micro: int) -> str:
    """Return an amount to the cent, such as `$1,197.88`; what is finer than a cent is shown whole, never rounded."""
    sign, amount = ("-" if usd_micro < 0 else ""), abs(usd_micro)
    whole, rest = divmod(amount, USD_MICRO)
    fraction = f"{rest // _CENT:02}" if rest % _CENT == 0 else f"{rest:06}".rstrip("0")
    return f"{sign}${whole:,}.{fraction}"
