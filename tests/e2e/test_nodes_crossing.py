"""The crossing of the dialects once more, with every socket and request on the next of three
gateways: they behave as one."""

import pytest

from nodes import Nodes
from test_crossing import *  # noqa: F403


@pytest.fixture(scope="module")
def gateway():
    with Nodes(3) as nodes:
        yield nodes


# URLs of files bear the host that the socket came by, here always another one.
del test_a_file_is_a_line_where_there_are_no_files  # noqa: F821
