"""From measurements in pairs to ratios: ours over theirs in speed, so above 1 we are faster."""

from statistics import median

# What is compared: its name in a measurement, and whether less of it is better.
QUANTITIES = ("prefill", "decode", "verdict", "start", "memory")


def ratio_of(ours: dict, theirs: dict, quantity: str) -> float:
    """Seconds, or bytes of memory: theirs over ours."""
    return theirs[quantity] / ours[quantity]


def summarize(rounds: list[tuple[dict, dict]]) -> dict:
    """Medians of each side, and the median of the ratios within a round, of one format."""
    summary = {}
    for quantity in QUANTITIES:
        summary[quantity] = {
            "ours": median(ours[quantity] for ours, _ in rounds),
            "theirs": median(theirs[quantity] for _, theirs in rounds),
            "ratio": median(ratio_of(ours, theirs, quantity) for ours, theirs in rounds)}
    return summary


def flat_ratios(formats: dict[str, dict]) -> dict[str, float]:
    """{"prefill_int8": 6.1, ...}"""
    return {f"{quantity}_{name}": summary[quantity]["ratio"]
            for name, summary in formats.items() for quantity in QUANTITIES}
