"""Sizes in words. Pure."""


def in_words(count: int) -> str:
    """Bytes in units of 1000, as disks and model hubs count them."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} TB"
