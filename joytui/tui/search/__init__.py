"""Search over everything that has a name: keys, owners, models, threads, requests, commands."""
