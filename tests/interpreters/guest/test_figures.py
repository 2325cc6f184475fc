"""What a program shows as a figure comes back as PNG, and stops nothing."""

import base64

import pytest

from slipstick.interpreters.host.sandbox import Sandbox
from slipstick.schema import Output

pytest.importorskip("matplotlib")

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\n"
CASES = [
    ("shown", f"{PLOT}plt.show()\nprint('answer', 42)", 1, "answer 42"),
    ("left open", f"{PLOT}print(1)", 1, "1"),
    ("value", PLOT.rstrip("\n"), 1, "[<matplotlib.lines.Line2D at 0x7f0000000000>]"),
    ("closed", f"{PLOT}plt.close()", 0, ""),
    ("empty", "import matplotlib.pyplot as plt\nfigure = plt.figure()", 0, ""),
    ("saved in memory", f"import io\n{PLOT}plt.savefig(io.BytesIO())\nplt.close()", 0, ""),
    ("waits for nobody", f"{PLOT}plt.ion()\nplt.pause(3600)\nplt.waitforbuttonpress()\nprint(2)", 1, "2"),
    ("another backend", f"import matplotlib\nmatplotlib.use('svg')\n{PLOT}plt.show()", 1, ""),
    ("unknown font", f"{PLOT}plt.title('é', fontname='Arial')\nplt.show()", 1, ""),
    ("pandas", "import pandas as pd\npd.Series([1, 2]).plot();", 1, ""),
    ("networkx", "import networkx as nx\nnx.draw(nx.path_graph(3))", 1, ""),
    ("sympy", "from sympy import *\np = plot(Symbol('x') ** 2)", 1, ""),
    ("an error", f"{PLOT}1 / 0", 1, "ZeroDivisionError: division by zero"),
    ("too many", f"{PLOT}for i in range(6):\n    plt.figure()\n    plt.plot([i])", 4, "3 figures not shown"),
    ("not drawn", f"{PLOT}plt.title('$\\\\frac$')\nprint(3)", 0, "1 figure not shown: ValueError"),
    ("not saved", f"{PLOT}plt.savefig('a.png')", 1, "scratch_mb"),
]


def test_figures() -> None:
    with Sandbox(timeout=60, scratch_mb=0) as sandbox:
        for name, code, images, text in CASES:
            with sandbox.session() as session:
                output = session.run(code)
            assert len(output.images) == images, (name, output)
            assert (text in output.text) if text else not output.text, (name, output)
        first, second = (sandbox.run_many([f"{PLOT}plt.show()"])[0] for _ in range(2))
    assert first.images == second.images
    assert base64.b64decode(first.images[0]).startswith(b"\x89PNG")
    assert Output.model_validate_json(first.model_dump_json()) == first
    assert "images" not in Output(text="1").model_dump_json()


def test_figure_saved_in_a_scratch_folder() -> None:
    with Sandbox(timeout=60, scratch_mb=8) as sandbox:
        code = f"{PLOT}plt.savefig('a.png')\nplt.show()\nimport os\nprint(os.listdir())"
        assert sandbox.run_many([code])[0].text == "['a.png']"


def test_the_first_import_says_nothing_and_takes_no_settings_of_the_user() -> None:
    with Sandbox(timeout=3, scratch_mb=16) as sandbox:
        output = sandbox.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\nprint('drawn')")
        assert (output.status, output.text) == ("ok", "drawn")
