"""What people have written, between words of ours."""

from __future__ import annotations


def plain(text: str) -> str:
    """Names are shown as text: what Markdown would read as markup is escaped."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|$:~" else c for c in text)
