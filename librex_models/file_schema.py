"""The JSON schema of problem files: their keys and types, for editors and other programs.

It describes the keys and types that `librex solve` accepts. That labels agree, and that numbers are
in their ranges, is checked when the problem is made.
"""

from __future__ import annotations

from typing import Any

from librex_models.configuration import ConfigurationFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def problem_file_schema() -> dict[str, Any]:
    """Return the JSON schema of what a problem file holds, as TOML readers give it.

    Examples
    --------
    >>> schema = problem_file_schema()
    >>> schema["required"]
    ['resources', 'options', 'fairness']
    """
    generated = _without_null(ConfigurationFile.model_json_schema())
    generated["title"] = "Librex problem file"
    generated["description"] = "Every table of a problem file, as librex solve reads it."
    return {"$schema": DIALECT, **generated}


def _without_null(part: Any) -> Any:
    """Return a part of a schema without null, which TOML does not have, and names of classes."""
    if isinstance(part, list):
        return [_without_null(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {}
    for key, value in part.items():
        if key == "properties":
            # Their names are keys of the file, whatever they are called.
            found[key] = {name: _without_null(one) for name, one in value.items()}
        elif key == "title" or (
            key == "default" and not isinstance(value, str | bool | float | int)
        ):
            continue
        elif key == "description":
            # The first paragraph of a docstring.
            found[key] = value.split("\n\n")[0].replace("``", "")
        elif key == "anyOf" and {"type": "null"} in value:
            kept = [_without_null(one) for one in value if one != {"type": "null"}]
            either: dict[str, Any] = {"anyOf": kept}
            found |= kept[0] if len(kept) == 1 else either
        else:
            found[key] = _without_null(value)
    return found
