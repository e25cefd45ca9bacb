"""The scripts of a widget as the one module that a page is given.

They are modules that import each other in their folder; a page gets a module without an address, which can import
nothing beside it.
"""

import re
from pathlib import Path

_HERE = Path(__file__).parent

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)


def joined(*names: str) -> str:
    """Scripts, each after those that it imports, as one; only the last one's default is exported."""
    texts = [(_HERE / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def style_sheet(name: str) -> str:
    """The text of a style sheet of this folder."""
    return (_HERE / name).read_text(encoding="utf-8")
