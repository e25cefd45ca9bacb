"""What the notebook's tests share."""

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A real IPython with the extension loaded."""
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.run_line_magic("load_ext", "pipecat_nb")
    yield shell
    shell.run_line_magic("unload_ext", "pipecat_nb")
