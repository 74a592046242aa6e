"""What is measured, and what is asked of it."""

MORE, LESS = "at least", "at most"

PAIRS = ["--sockets", "200"]
FANOUT = ["--sockets", "1000", "--mode", "fanout"]
ECHO = ["--sockets", "200", "--mode", "echo", "--path", "/echo/"]

# name: (what the load generator is told, who takes part). Who: label: (server, dialect).
GATEWAY = {"gateway": ("gateway", "opcode")}
SALETICK = {"gateway saletick": ("gateway", "saletick")}
PEERS = {"node ws": ("node", "node"), "socket.io": ("socketio", "socketio"),
         "ejabberd": ("ejabberd", "xmpp")}
LIMITS = {"own statement": ("own statement", None), "bare rows": ("bare rows", None)}
DISK = {"disk alone": ("disk", None)}
CASES = {
    # The gentle ones first: autovacuum is long at what the others leave behind.
    "1000/s": ([*PAIRS, "--mode", "rate", "--rate", "1000"], {**GATEWAY, **PEERS, **DISK}),
    "fanout x1": ([*FANOUT, "--window", "1"], {**GATEWAY, "plain loop": ("fanout", "plain")}),
    "fanout x16": ([*FANOUT, "--window", "16"], {**GATEWAY, "plain loop": ("fanout", "plain")}),
    "echo x1": ([*ECHO, "--window", "1"], {"gateway": ("gateway", "echo"),
                                           "plain echo": ("echo", "echo")}),
    "echo x16": ([*ECHO, "--window", "16"], {"gateway": ("gateway", "echo"),
                                             "plain echo": ("echo", "echo")}),
    "20000/s": ([*PAIRS, "--mode", "rate", "--rate", "20000"], GATEWAY),
    "200x1": ([*PAIRS, "--window", "1"], {**GATEWAY, **SALETICK, **PEERS}),
    "200x8": ([*PAIRS, "--window", "8"], {**GATEWAY, **SALETICK, **PEERS, **LIMITS}),
    "stored": ([*PAIRS, "--window", "8"], {"filled": ("filled", "opcode"),
                                           "empty": ("empty", "opcode")}),
    # Measured otherwise than by the load generator: see run.
    "pages": (None, {"long": ("filled", None), "short": ("filled", None),
                     "middle": ("filled", None)}),
    "idle": (None, {"gateway": ("empty", None)}),
}


def rate(result):
    return result["rate"]


def per_cpu(result):
    return 1e6 / sum(result["cpu"].values())


def cpu(result):
    return sum(result["cpu"].values())


def p50(result):
    return result["confirm_us"]["p50"]


def p99(result):
    return result["confirm_us"]["p99"]


def value(result):
    return result["value"]


# (what, case, ours, theirs or None, value of a round, which way is better, asked, aimed at). The
# measure is the ratio ours / theirs, or ours alone.
ROWS = [
    ("messages/s, 200 x 8, against Node ws", "200x8", "gateway", "node ws", rate, MORE, 10, 20),
    ("the same in saletick", "200x8", "gateway saletick", "node ws", rate, MORE, 10, 20),
    ("messages/s, 200 x 1, against Node ws", "200x1", "gateway", "node ws", rate, MORE, 5, 9),
    ("the same in saletick", "200x1", "gateway saletick", "node ws", rate, MORE, 5, 9),
    ("messages/s, 200 x 8, against ejabberd", "200x8", "gateway", "ejabberd", rate, MORE, 30, 60),
    ("... against the own statement, bare libpq", "200x8", "gateway", "own statement", rate, MORE,
     0.60, 0.85),
    ("... against bare rows by unnest", "200x8", "gateway", "bare rows", rate, MORE, 0.25, 0.50),
    ("messages a CPU second, against Node ws", "200x8", "gateway", "node ws", per_cpu, MORE, 8, 20),
    ("confirmation p50 at 1,000/s, against Node", "1000/s", "gateway", "node ws", p50, LESS, 0.9,
     0.7),
    ("confirmation p99 at 1,000/s, against Node", "1000/s", "gateway", "node ws", p99, LESS, 0.5,
     0.2),
    ("confirmation p99 at 20,000/s, us", "20000/s", "gateway", None, p99, LESS, 5000, 2000),
    ("fan-out to 1,000, 1 outstanding", "fanout x1", "gateway", "plain loop", rate, MORE, 0.9, 1.0),
    ("fan-out to 1,000, 16 outstanding", "fanout x16", "gateway", "plain loop", rate, MORE, 4, 9),
    ("memory an idle WebSocket, bytes", "idle", "gateway", None, value, LESS, 1536, 717),
    ("echo adapter, 1 outstanding", "echo x1", "gateway", "plain echo", rate, MORE, 0.9, 1.1),
    ("echo adapter, 16 outstanding", "echo x16", "gateway", "plain echo", rate, MORE, 0.9, 1.1),
    ("CPU a message, many stored against none", "stored", "filled", "empty", cpu, LESS, 1.2, 1.05),
    ("page of 50, thread of 1 M against 100", "pages", "long", "short", value, LESS, 1.3, 1.1),
    ("the same in its middle", "pages", "middle", "short", value, LESS, 1.3, 1.1),
]
