"""
What an operator, a reviewer and a privacy officer look at, and what they decide.

::

    overview.py     what the ledger holds, counted and listed
    held.py         what is held, and what can be done with it
    audit.py        who decided what and when, in a chain that shows a change
    explain.py      what would become of one file; changes.py its header, explanation_page.py a page
    doctor.py       whether all that a pass needs works; reach.py servers, synthetic.py a round trip
    bundle.py       what support may see
    pass_record.py  what a pass did; report.py a page, metrics.py numbers, ping.py a word to a watch
    desk.py         a reviewer's decisions; device.py whose images, and rules for them
    site.py         the review page's server; review_pages.py and look_page.py its pages
    html.py         elements and pages; thumbnail.py small pictures
"""
