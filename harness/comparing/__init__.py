"""Arms compared: result files of any trainer, or what the ledger has of studies, arms and trials.

`stream.py`, `truth.py`, `detections.py` and `files.py` read what others wrote and name every
fault; `sides.py` finds what the ledger has, `differs.py` says what forbids a ranking; both end in
`measured.py`'s arms, and `compare.py` makes of these a `Comparison`, which is what is printed,
drawn and written.
"""
