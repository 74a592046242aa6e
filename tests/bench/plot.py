"""A plot of medians as SVG, without any library: one bar for each server and case."""

import statistics

SHOWN = ["200x8", "200x1"]
WIDTH, BAR, GAP, LEFT, RIGHT = 760, 18, 6, 190, 90
COLORS = {"gateway": "#2b6cb0", "gateway saletick": "#4a90d9", "own statement": "#8a8a8a",
          "bare rows": "#b5b5b5"}
OTHERS = "#c05621"


def _bar(label, number, longest, y):
    # A square root keeps what is small visible, and order and zero true.
    length = (WIDTH - LEFT - RIGHT) * (number / longest) ** 0.5
    return (f'<text x="{LEFT - 8}" y="{y + BAR - 5}" text-anchor="end">{label}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" '
            f'fill="{COLORS.get(label, OTHERS)}"/>'
            f'<text x="{LEFT + length + 6:.1f}" y="{y + BAR - 5}">{number:,.0f}</text>')


def write(results, path):
    parts, y = [], 10
    for case in SHOWN:
        labels = {label: statistics.median(r["rate"] for r in rounds)
                  for label, rounds in results.get(case, {}).items() if rounds}
        if not labels:
            continue
        parts.append(f'<text x="10" y="{y + 14}" font-weight="bold">{case.replace("x", " x ")}: '
                     'messages a second, confirmed and delivered (square-root scale)</text>')
        y += 26
        for label, number in sorted(labels.items(), key=lambda item: -item[1]):
            parts.append(_bar(label, number, max(labels.values()), y))
            y += BAR + GAP
        y += 14
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
                   f'font-family="sans-serif" font-size="13">'
                   f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')
