"""Where model calls go: the built-in offline model, HTTP upstreams, and several of them in order of priority.

exchange     ModelCall in, Exchange out: the only thing that the rest of the gateway needs to know
factory      make_upstream(url, key, …), make_failover([...]), offline()
"""
