"""Write every page that is made from the code, and delete those of causes that are gone."""

from __future__ import annotations

from scripts.reference import LANGUAGES, folder
from scripts.reference.every_page import every_page


def main() -> None:
    """Write."""
    for lang in LANGUAGES:
        root = folder(lang)
        made = {root / page.path: page.text for page in every_page(lang)}
        for file, text in made.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for file in (root / "causes").glob("*.md"):
            if file not in made:
                file.unlink()


if __name__ == "__main__":
    main()
