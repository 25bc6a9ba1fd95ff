"""The threads of this package, one file a job, and what happens to them at exit and fork.

User code runs on a daemon thread that Python creates. It waits for work in the native core,
without the GIL, and calls it from Python, so that no native frame lies below user code: the
interpreter may end such a thread while it finalises. Native threads never take the GIL; what they
have to log waits for a second daemon thread. Neither imports anything: the end of the process, or a
fork, may come in the middle, and an import must not be left half done.
"""
