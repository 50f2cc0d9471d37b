"""Which thresholds decide when a customer is told, and what they mean?"""

from __future__ import annotations

from dataclasses import dataclass, fields

from app.rules.terms import faults


@dataclass(frozen=True, slots=True)
class Policy:
    """When to speak, what to quote, when to correct, when to fall silent.

    `_share` are probabilities; `_lead_min` minutes before the promise ends; other `_min` minutes, `_s` seconds. To be
    told too late costs a customer far more than a needless word, but a needless word costs too: so the nearer the
    promise, the less certain a delay must be, and while there is time the next minutes of driving may tell.
    """

    #: How likely late a visit must be to be told: at the end of the promise, ...
    last_share: float = 0.20
    #: ... at the last moment that still leaves ten minutes to act on it, ...
    likely_share: float = 0.58
    likely_lead_min: float = 12.0
    #: ... a little earlier while driving (every minute tells more), or while at work (it tells less), ...
    driving_share: float = 0.75
    driving_lead_min: float = 14.0
    working_share: float = 0.78
    working_lead_min: float = 22.0
    #: ... and from here on.
    sure_share: float = 0.92
    sure_lead_min: float = 60.0
    #: Who stands still will mostly go on: at least so likely.
    standing_share: float = 0.80
    #: Who was told "we are on it" is told a time when it is late for as good as sure.
    held_share: float = 0.75
    #: Who drives may make up this part of the time that is left: only a delay that is longer still is worth a word now.
    made_up_factor: float = 0.2
    #: A delay must hold so long before it is told: near the promise, and while there is time.
    persist_s: float = 45.0
    persist_early_s: float = 90.0
    #: So long before the promise a customer can still act: what is likely then is told before it is confirmed.
    act_lead_min: float = 10.0
    #: The quoted window is as narrow as this likelihood allows, and no wider than this while it holds well enough.
    quote_share: float = 0.80
    quote_max_min: int = 25
    quote_min_min: int = 10
    #: A delay is quoted by so much longer than forecast: it is told because it goes badly, and that tends to last.
    quote_stretch: float = 1.15
    #: A window less likely to hold waits until here, and is then widened up to so many minutes, ...
    vague_share: float = 0.70
    vague_lead_min: float = 12.5
    quote_wide_min: int = 40
    #: ... and when it still holds no likelier than this, there is none: holding.
    guess_share: float = 0.55
    #: So long before the promise customers can still plan anew: who is late this surely is told then, although only in
    #: a window this wide.
    far_lead_min: float = 45.0
    far_share: float = 0.975
    far_quote_max_min: int = 60
    #: Without any sign of the technician, holding from here on.
    unheard_lead_min: float = 10.5
    #: With a silent phone from here on; sooner, while customers can still act (see above), when it should have been
    #: there since so long, but not since longer. What was certain before it fell silent is told as a delay.
    silent_lead_min: float = 4.5
    overdue_lead_min: float = 10.5
    overdue_min: float = 0.0
    overdue_most_min: float = 10.0
    #: At the expected arrival a phone may be silent so long before it is news.
    parked_silent_min: float = 6.0
    #: After so much silence an old position says nothing any more.
    stale_min: float = 45.0
    #: So long after the promise, without evidence, only a person can say something useful.
    give_up_min: float = 60.0
    #: A quoted window is corrected when it is so likely broken, and not sooner than this after the last word.
    update_share: float = 0.75
    update_gap_min: float = 15.0
    #: A correction must move the end of the window by so much: less is not worth another message.
    update_least_min: float = 5.0
    #: How often one customer is told of one visit: words about a delay (the first, and corrections), ...
    most_late: int = 2
    #: ... that it is on time again, and that we are finding out.
    most_recovered: int = 1
    most_holding: int = 1
    #: On time again: no likelier late than this, for so long.
    recover_share: float = 0.05
    recover_s: float = 300.0
    #: Nearer than this the bell is the news, unless it has been so for long after the promise.
    bell_min: float = 4.0
    bell_past_min: float = 8.0
    #: Tell who was told nothing that the technician is nearly there, so far out.
    arriving_soon: bool = True
    arriving_soon_min: float = 10.0
    #: Who would be there sooner than this before the promise will wait outside, and the last metres may take long.
    arriving_soon_early_min: float = 10.0
    #: Reminders, booked with the visit: the day before at a local time, ...
    reminder_day: bool = True
    reminder_day_at: str = "17:00"
    #: ... so long before the promise, ...
    reminder_hours: bool = True
    reminder_lead_min: float = 120.0
    #: ... and that the technician has set out.
    on_the_way: bool = True
    #: Another time or technician, and that nobody comes, is told unless the dispatcher says otherwise.
    tell_changes: bool = True
    #: Between these local times everything waits but news about a visit that lies between them; the same twice: never.
    quiet_from: str = "21:00"
    quiet_until: str = "08:00"
    #: News about a visit that begins so soon does not wait either.
    quiet_near_min: float = 120.0
    #: A customer's message that nobody has read calls a dispatcher after so long: about a visit under way or soon, ...
    reply_near_min: float = 5.0
    #: ... which is one that begins within this, and about any other, ...
    reply_soon_min: float = 120.0
    reply_min: float = 30.0
    #: ... and a manager so much later.
    reply_climb_min: float = 10.0
    #: How many notices one customer gets by itself, for each of her visits of these days: within an hour, a day, ...
    most_hour: int = 6
    most_day: int = 10
    #: ... and about one visit altogether. What is more waits for a person.
    most_visit: int = 14
    #: The brake (rules.brake). So many notices within an hour are never too many, ...
    brake_least: int = 40
    #: ... nor so many times what such an hour has seen, ...
    brake_times: float = 3.0
    #: ... nor so many for each visit promised about now; ...
    brake_near: float = 0.75
    #: ... but more than so many for each visit of today and tomorrow are, whatever was seen. In the first two weeks,
    #: with nothing to compare with, it is what counts for the visits promised about now, too.
    brake_most: float = 1.5
    #: A clock that is so far from where it was has jumped.
    brake_jump_min: float = 120.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises ValueError naming the field."""
        for fault in faults({one.name: getattr(self, one.name) for one in fields(self)}):
            raise ValueError(f"{fault.field}: {fault.code} {dict(fault.facts)}")
