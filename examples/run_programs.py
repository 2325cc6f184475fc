"""Runs programs in the sandbox: outside this process, with limits on time and memory and without network."""

import slipstick

PROGRAMS = {
    "prints": "print(6 * 7)",
    "its last expression": "from sympy import integrate, symbols\nx = symbols('x')\nintegrate(x**2, (x, 0, 3))",
    "fails": "1 / 0",
    "never ends": "while True: pass",
    "wants the network": "import socket\nsocket.create_connection(('example.com', 80))",
}

with slipstick.Sandbox(workers=2, timeout=2.0, memory_mb=512) as sandbox:
    print(f"isolation: {sandbox.isolation}\n")
    for name, output in zip(PROGRAMS, sandbox.run_many(list(PROGRAMS.values())), strict=True):
        last = output.text.splitlines()[-1] if output.text else ""
        print(f"{name:>20}: {output.status:<8} {last}")

    with sandbox.session() as session:  # variables persist, as in a notebook
        session.run("total = 0")
        session.run("for n in range(1, 101): total += n")
        print("\n1 + 2 + ... + 100 =", session.run("total").text)
