"""Imports flow one way, and the public names are known; for when they load, see start-up."""

import ast
import importlib.util
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# Each may import from itself and from those before it. `librex_models` is the package itself,
# whose __init__.py gathers the public names and looks them up when they are first used.
ORDER = (
    "solvers",
    "librex_models.errors",
    "librex_models.environment",
    "librex_models.problem",
    "librex_models.solution_files",
    "librex_models.families",
    "librex_models.forms",
    "librex_models.verification",
    "librex_models.allocation",
    "librex_models.routes",
    "librex_models.choices",
    "librex_models.session",
    "librex_models.attainable",
    "librex_models.chords",
    "librex_models.welfare_intervals",
    "librex_models.tangent_model",
    "librex_models.nested_model",
    "librex_models.linear_model",
    "librex_models.model_files",
    "librex_models.model",
    "librex_models.models",
    "librex_models.analysis",
    "librex_models.torch",
    "librex_models.thompson",
    "librex_models.learning",
    "librex_models.report",
    "librex_models",
    "librex_models.configuration",
    "librex_models.file_schema",
    "librex_models.standard_output",
    "librex_models.command_output",
    "librex_models.task",
    "librex_models.cli",
    "librex_models.__main__",
)

# Arrows that may point back because only a type checker reads them: (importing module, place).
FOR_TYPES_ONLY: set[tuple[str, str]] = set()

# What users may rely on, sorted. A name is only ever added.
PUBLIC_NAMES: dict[str, list[str]] = {
    "librex_models": [
        "Alloc",
        "Allocation",
        "AllocationProblem",
        "AlphaFair",
        "BudgetOnly",
        "BudgetShares",
        "BudgetTracker",
        "Certificate",
        "Comparison",
        "GroupAlphaFair",
        "MaxMin",
        "Model",
        "OrderedWeighted",
        "PiecewiseLinear",
        "Plan",
        "Proportional",
        "ResourceManager",
        "Rows",
        "Session",
        "Verdict",
        "compare",
        "errors",
        "gradient",
        "plan",
        "read_problem",
        "read_solution",
        "share_budget",
        "verify",
        "write_problem",
    ],
    "librex_models.thompson": [
        "Alloc",
        "BayesianLinear",
        "BetaBernoulli",
        "BudgetTracker",
        "GammaPoisson",
        "Gaussian",
        "Horizon",
        "Posterior",
        "ResourceManager",
        "ThompsonAllocator",
        "posterior_from_dict",
    ],
    "solvers": [
        "Adapter",
        "AlphaFairTerms",
        "Availability",
        "Block",
        "Capability",
        "Counts",
        "Limit",
        "Outcome",
        "ParametricProgram",
        "Program",
        "Readiness",
        "SizeLimit",
        "SolveOptions",
        "SolverSession",
        "Status",
        "availability",
        "capabilities",
        "conformance",
        "errors",
        "find_adapter",
        "names",
    ],
}

# Public names that are modules.
PUBLIC_MODULES = {"conformance", "errors", "forms", "thompson", "torch"}


class Arrow(NamedTuple):
    """One import: who imports, what, and in which line."""

    module: str
    imported: str
    line: int


def modules() -> dict[str, Path]:
    """Return the file of every module of both packages, by the module's name."""
    files = [
        file for top in ("solvers", "librex_models") for file in (REPOSITORY / top).rglob("*.py")
    ]
    return {name_of(file): file for file in sorted(files)}


def name_of(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place(module: str) -> str:
    """Return the entry of ORDER that a module or a name in it belongs to."""
    top, _, rest = module.partition(".")
    return top if top == "solvers" or not rest else f"{top}.{rest.partition('.')[0]}"


def arrows(module: str, file: Path) -> Iterator[Arrow]:
    """Yield every import of ours that a file makes, wherever in the file it stands."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                source = importlib.util.resolve_name("." * node.level + source, package)
            # `from librex_models import forms` may mean the module forms or a public name.
            names = [
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in ORDER else source
                for alias in node.names
            ]
        else:
            continue
        for name in names:
            if name.partition(".")[0] in ("solvers", "librex_models"):
                yield Arrow(module, name, node.lineno)


def points_back(arrow: Arrow) -> bool:
    return ORDER.index(place(arrow.imported)) > ORDER.index(place(arrow.module))


def in_a_new_process(code: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_has_a_place_in_the_order() -> None:
    assert [module for module in modules() if place(module) not in ORDER] == []


@pytest.mark.parametrize("module", modules())
def test_no_import_points_back(module: str) -> None:
    if module == "librex_models":
        # Its public names come from everywhere, and are looked up when they are first used.
        return
    found = [
        f"line {arrow.line} imports {arrow.imported}"
        for arrow in arrows(module, modules()[module])
        if points_back(arrow) and (module, place(arrow.imported)) not in FOR_TYPES_ONLY
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import librex_models.session",
        "import librex_models",
        "from librex_models import Proportional",
        "from librex_models import forms",
        "from librex_models.routes.leximin import levels",
        "from ..routes import leximin",
        "from .. import forms",
        "def later():\n    from librex_models.model import MaxMin",
        "if TYPE_CHECKING:\n    from librex_models.model import MaxMin",
    ],
)
def test_an_arrow_that_points_back_is_seen(text: str, tmp_path: Path) -> None:
    file = tmp_path / "max_min.py"
    file.write_text(text)
    [arrow] = arrows("librex_models.families.max_min", file)
    assert points_back(arrow)


@pytest.mark.parametrize(
    "text",
    [
        "import solvers",
        "from ..problem import rows",
        "from . import terms",
        "from .. import errors",
    ],
)
def test_an_arrow_that_points_forward_passes(text: str, tmp_path: Path) -> None:
    file = tmp_path / "max_min.py"
    file.write_text(text)
    [arrow] = arrows("librex_models.families.max_min", file)
    assert not points_back(arrow)


@pytest.mark.parametrize("package", PUBLIC_NAMES)
def test_the_public_names_are_these(package: str) -> None:
    assert sorted(importlib.import_module(package).__all__) == PUBLIC_NAMES[package]


@pytest.mark.parametrize("package", PUBLIC_NAMES)
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", ["librex_models", "solvers"])
def test_the_type_checker_knows_where_each_name_is(package: str) -> None:
    tree = ast.parse(modules()[package].read_text())
    [typed] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (alias.name, node.module)
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    [called] = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = {word.arg: ast.literal_eval(word.value) for word in called.keywords}
    found = {(name, package) for name in given["modules"]}
    found |= {(n, f"{package}.{home}") for home, inside in given["names"].items() for n in inside}
    assert found == seen
    assert set(PUBLIC_NAMES[package]) <= {name for name, _ in found}


@pytest.mark.parametrize("package", ["librex_models", "solvers"])
def test_names_that_are_not_loaded_are_listed(package: str) -> None:
    listed = in_a_new_process(f"import json, {package}; print(json.dumps(dir({package})))")
    assert isinstance(listed, list)
    assert set(PUBLIC_NAMES[package]) <= set(listed)


@pytest.mark.parametrize("package", ["librex_models", "solvers"])
def test_help_on_a_package_needs_no_package_that_may_be_missing(package: str) -> None:
    code = f"""
import json, pydoc, sys
sys.modules["torch"] = None  # stands for a package that is not there
import {package}
print(json.dumps(pydoc.render_doc({package}, renderer=pydoc.plaintext)))
"""
    text = in_a_new_process(code)
    assert isinstance(text, str)
    assert all(name in text for name in PUBLIC_NAMES[package])


@pytest.mark.parametrize("package", PUBLIC_NAMES)
def test_no_module_bears_the_name_of_a_public_function(package: str) -> None:
    # With lazy names the first look-up finds the function, and the second the module.
    public = set(importlib.import_module(package).__all__)
    last_names = {name.rpartition(".")[2] for name in modules() if name.startswith(f"{package}.")}
    assert sorted(public & last_names - PUBLIC_MODULES) == []


@pytest.mark.parametrize(
    "use",
    [
        "import librex_models as lm; lm.torch",
        "from librex_models import torch",
        "import librex_models.torch",
        "from librex_models.torch import AllocationLayer",
    ],
)
def test_without_pytorch_its_layer_says_what_to_install(use: str) -> None:
    name = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["name"]
    code = f"""
import json, sys
sys.modules["torch"] = None  # stands for a package that is not there
try:
    {use}
except ModuleNotFoundError as error:
    print(json.dumps([error.name, str(error)]))
"""
    found = in_a_new_process(code)
    assert isinstance(found, list)
    [missing, message] = found
    assert missing == "torch"
    assert f'pip install "{name}[torch]"' in message


def test_a_star_import_leaves_pytorch_to_those_who_import_it() -> None:
    code = "import json; from librex_models import *; print(json.dumps('torch' in dir()))"
    assert in_a_new_process(code) is False


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'librex_models' has no attribute 'tensorflow'"):
        _ = importlib.import_module("librex_models").tensorflow
