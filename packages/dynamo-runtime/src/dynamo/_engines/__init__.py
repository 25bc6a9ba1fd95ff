"""What workers around an engine have in common, whether it is a real one or a simulated one.

``endpoints`` is where they are reached, ``requests`` what they are asked, ``handlers`` what
answers, ``serving`` serves that with its model registered, ``gauges`` what Dynamo shows of each,
``greeting`` what they say at first, ``program`` what has started them.
"""
