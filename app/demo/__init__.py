"""What does a working day look like? A demo company's, played in fast motion through the product's own doors.

`company` is the cast, `world` is what really happens on the road (the product cannot see it), `stage` carries it to the
product as phones and customers would, `panel` reads what a newcomer is shown.
"""
