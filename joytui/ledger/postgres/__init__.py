"""The PostgreSQL engine: one store for several gateways.

    url            which database and schema; passwords that are never shown
    connections    connections that give up after two seconds; a few for reading
    schema         tables, migrations, partitions
    functions      what requests do to the store, as functions inside the database
    jobs           the same as the gateway hands it over, and the answers
    writer         the thread that hands over what waits, one call a transaction
    listener       the thread that hears of changes
    gateways       who is on the store, and the numbers that each gives
    reads, tidying what is asked, and removed, in a way of this engine's own
    whole          the store as a whole, for checks and copies
    engine         `joytui.ledger.api.Ledger`

**One turn at a time.** Every writing transaction of every gateway begins by locking the one row of `turn`, so transactions
never deadlock, what they read is the newest, and the numbers of changes (`seq`) come in the order in which they are committed:
a lock is given back after its transaction can be seen. A reader who has seen `seq` 7 has seen all before it; no gap, no
snapshot to compare. It costs no parallelism that was there: each transaction adds to the same rows of the sums anyway and
would wait for them until the other's commit. What waits meanwhile goes together in the next transaction.

**One call.** What requests do is one function call over an array of jobs, which is its own transaction: one round trip, nothing
of the gateway's in between. A gateway that is stopped or cut off holds no lock.
"""
