"""The console in a browser: `joytui serve`. Needs textual-serve (the extra `serve`); nothing else of joytui imports it."""
