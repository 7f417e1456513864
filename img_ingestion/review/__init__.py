"""
What an operator, a reviewer and a privacy officer look at, and what they decide.

::

    overview.py   what the ledger holds, counted and listed
    held.py       what is held, and what can be done with it
    audit.py      who decided what and when, in a chain that shows a change
"""
