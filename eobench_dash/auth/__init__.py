"""Who is asking, and what they may ask: log-in sessions, the request gate, the rules of routes."""

from eobench_dash.auth.gate import install, seal
from eobench_dash.auth.rules import Rule, rule
from eobench_dash.auth.sessions import current_principal, log_in, log_out

__all__ = ["Rule", "current_principal", "install", "log_in", "log_out", "rule", "seal"]
