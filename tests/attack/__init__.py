"""The product as an outsider meets it: commands, HTTP, a terminal. Each test holds a promise against somebody who tries."""
