"""Prints what an executed quickstart built, and fails if the image is not in the container engine.

python report.py EXECUTED-NOTEBOOK
"""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat

from pipecat_nb import Client


def shown_build(notebook: nbformat.NotebookNode) -> str:
    """The id of the build that the cell tagged `build-id` shows."""
    (cell,) = (cell for cell in notebook.cells if "build-id" in cell.metadata.get("tags", ()))
    (output,) = cell.outputs
    return str(ast.literal_eval(output.data["text/plain"]))


def main(path: Path) -> int:
    build = Client().get_build(shown_build(nbformat.read(path, as_version=4)))
    print(f"build     {build.id}")
    print(f"status    {build.status}")
    print(f"seconds   {build.build_seconds}")
    print(f"image     {build.image_uri}")
    print(f"notebook  {path}")
    if build.image_uri is None:
        return 1
    ask = [sys.executable, "-m", "pipecat_nb.service.engines", "--image", build.image_uri]
    missing = subprocess.run(ask, check=False).returncode
    if missing:
        print("The container engine of this machine does not have that image.", file=sys.stderr)
    return missing


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
