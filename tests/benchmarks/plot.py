"""The plot: for each row the throughput of every program, as a part of the fastest; whiskers from least to most."""

from html import escape
from typing import Any

WIDTH, LABEL, BAR, GAP, TITLE = 860, 90, 18, 22, 20
COLOURS = {"ours": "#2563eb", "peer": "#f59e0b"}
OTHER = "#9ca3af"


def svg(rows: list[dict[str, Any]]) -> str:
    """Return the document."""
    parts: list[str] = []
    top = 10
    for row in rows:
        if row["contenders"]:
            parts.append(_text(0, top + 13, row["title"], weight="bold"))
            top += TITLE
            limit = max(one["per_second"]["max"] for one in row["contenders"].values())
            for name, one in row["contenders"].items():
                parts += _bar(top, name, one["per_second"], limit)
                top += BAR
            top += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 {WIDTH} {top}" font-family="sans-serif">'
    return "\n".join([head, f'<rect x="-10" width="{WIDTH}" height="{top}" fill="white"/>', *parts, "</svg>"]) + "\n"


def _bar(top: int, name: str, rate: dict[str, float], limit: float) -> list[str]:
    scale = (WIDTH - LABEL - 190) / limit
    length, low, high = (LABEL + rate[key] * scale for key in ("median", "min", "max"))
    colour = COLOURS.get(name, OTHER)
    middle = top + BAR / 2 - 1
    return [
        _text(0, top + 12, name),
        f'<rect x="{LABEL}" y="{top}" width="{length - LABEL:.1f}" height="{BAR - 4}" fill="{colour}"/>',
        f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {top + 3}v8M{high:.1f} {top + 3}v8" stroke="#111"/>',
        _text(high + 8, top + 12, f"{rate['median']:,.0f} per second"),
    ]


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" font-weight="{weight}">{escape(text)}</text>'
