"""When a test gives up on what must happen: late enough for a machine with ten times the work that it can do.

No test judges how quickly something happens. A wait is bounded only so that a hang ends, and by nothing less than this.
"""

HANG_S = 180.0
