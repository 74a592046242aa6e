"""What Markdown documents point to."""

import re

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(path):
    """Of its headings, as forges make them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def dead_links(folder):
    """Each relative link below the folder that leads nowhere: "FILE: LINK"."""
    dead = []
    for path in sorted(folder.rglob("*.md")):
        for link in LINK.findall(path.read_text()):
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            if "://" in link or link.startswith("mailto:"):
                continue
            if not target.exists() or (anchor and target.suffix == ".md"
                                       and anchor not in anchors(target)):
                dead.append(f"{path.relative_to(folder)}: {link}")
    return dead
