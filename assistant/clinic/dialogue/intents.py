"""What somebody wants of the clinic, by the words they use for it."""

from __future__ import annotations

import re
from typing import Literal

Intent = Literal[
    "book",
    "move",
    "cancel",
    "free",
    "mine",
    "past",
    "practitioners",
    "waiting",
    "schedule",
    "patients",
    "opened",
    "hours",
    "locations",
    "services",
    "insurance",
    "other",
]

_VISIT = (
    r"(?:appointments?|appts?|visits?|bookings?|slots?|consultations?|check[- ]?ups?"
    r"|follow[- ]?ups?|physicals?|vaccinations?|sessions?)"
)
_STAFF = (
    r"(?:doctors?|dr|practitioners?|specialists?|therapists?|nurses?|dentists?|gps?|physio\w*"
    r"|pa?ediatric\w*|dermatolog\w*|cardiolog\w*|gyn\w*|psych\w*|nutritionists?|dietitians?)"
)
_SERVICE = r"(?:tests?|checks?|shots?|jabs?|physiotherapy|counselling|nutrition advice)"
_DAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)\w*|tomorrow|today|(?:next|this) week|\d)"
_CHANGE = r"(?:move|moving|change|changing|shift|push|swap|postpone|delay|bring forward|switch)"
_FREE = (
    r"(?:free|available|availability|openings?(?! (?:hours|times))|open slots?|times|slots?|gaps?)"
)
_SPOKEN = (
    r"(?:spanish|french|german|polish|portuguese|mandarin|chinese|arabic|hindi|russian|vietnamese"
    r"|korean|japanese|italian|english|yoruba|turkish)"
)
_PEOPLE = (
    r"(?:human|person|some(?:one|body)|staff|representative|reception\w*|front desk|operator|agent)"
)
_US = r"(?:you|we|they|it|the clinic|linden)"
_WANT = r"(?:make|schedule|get|need|want|like|arrange|set up|request|take|give me|have|see)"
_SEE = r"(?:see|visit|meet|get (?:me )?in with|come (?:in )?(?:to see|for|and see)|seen by|be seen)"

# Said to a person, or about what no tool knows: the persona's script has better words for it.
_ELSEWHERE = (
    rf"\b(?:speak|talk|chat|connect|transfer|put me)\b.{{0,20}}\b{_PEOPLE}\b",
    r"\bshould i (?:see|worry|be worried|go)\b|\bis it serious\b",
    r"\b(?:are|is|am) (?:you|this|i) (?:an?|talking)\b|\bcomplain\w*",
)

# The first that fits wins. They are sought in plain, mended text.
_SIGNS: tuple[tuple[Intent, tuple[str, ...]], ...] = (
    (
        "other",
        (
            r"\b(?:parking|park my|wheelchair|step[- ]free|accessib\w+|interpreters?)\b",
            r"\bcancellation (?:policy|fee|rule)|\bno[- ]show\b|\bafter hours\b|\bbilling\b",
            r"\b(?:prescriptions?|refills?|pay my bill|records|copy of my|results?)\b",
            r"\bwhat (?:should|do|must) i bring\b|\bbring (?:along|with|to)\b|\binstal+ments?\b",
            r"\b(?:how|can|could|do|must) (?:do |can )?i (?:have to )?pay\b|\bpayments?\b",
        ),
    ),
    ("waiting", (r"\bwait(?:ing)?[- ]?list\b",)),
    (
        "opened",
        (
            r"\bth(?:is|e open) (?:patient|record|chart|file)\b|\bopen record\b",
            r"\brecord (?:is|that is|i have) open\b|\b(?:on|of) (?:my|the|this) (?:screen|page)\b",
            r"\b(?:what|who)(?:'s| is| do i have) open\b",
        ),
    ),
    (
        "schedule",
        (
            r"(?:\b(?:the|my|our|your|day|whole)|'s) (?:schedule|agenda|diary|calendar)\b",
            r"\b(?:schedule|agenda|diary) (?:for|of|on|today|tomorrow)\b",
            r"^(?:show |the )?(?:schedule|agenda)\b(?! (?:an?|my|me|the|it)\b)",
            r"\bwho(?:'s| is| are)? (?:is )?(?:coming|booked|in today|on today|expected)",
            rf"\b(?:all|which|what|how many)(?: \w+){{0,3}} {_VISIT}(?: \w+){{0,4}} {_DAY}",
            rf"\b(?:show|list)(?: \w+){{0,3}} {_VISIT}(?: \w+){{0,4}} {_DAY}",
        ),
    ),
    (
        "move",
        (
            rf"\breschedul\w*|\b{_CHANGE}\b.{{0,60}}\b{_VISIT}",
            rf"\b{_CHANGE}\b.{{0,60}}\b(?:it|that|this|one|time|date|day)\b|\bmove (?:me|my|the)\b",
            r"\b(?:can't|cannot|can not|won't|unable to) (?:make|come|be there|attend|get there)",
            r"\b(?:another|different|other) (?:time|day|date) for my\b",
            rf"\b(?:instead of|rather than) {_DAY}",
        ),
    ),
    (
        "cancel",
        (
            r"\bcancel\w*|\b(?:don't|do not|no longer) need (?:my|the|that)\b",
            rf"\b(?:call off|drop|delete|remove|get rid of)\b.{{0,20}}\b{_VISIT}\b",
        ),
    ),
    (
        "past",
        (
            rf"\b(?:past|previous|earlier|last|old|former)\b.{{0,12}}\b{_VISIT}\b",
            rf"\bwhen was (?:i|my)\b|\b(?:have|had) i been\b|\bhistory of my {_VISIT}",
        ),
    ),
    (
        "mine",
        (
            rf"\b(?:my|have i|i have)\b(?: \w+)? (?:upcoming|next|coming|own)? ?{_VISIT}$",
            rf"\b(?:what|which|when|show|list|see|check|tell me)\b.{{0,25}}\bmy (?:\w+ )?{_VISIT}",
            rf"\bdo i have (?:any|an?|some|{_VISIT}|anything)\b",
            rf"^my (?:\w+ )?{_VISIT}|\bam i booked\b|\bwhat have i (?:got )?booked\b",
            r"\bwhen (?:am i|do i (?:have|come|see))\b",
        ),
    ),
    (
        "services",
        (
            r"\b(?:costs?|prices?|pricing|how much|fees?|charges?|expensive)\b",
            r"\bhow long (?:does|is|will)\b|^services\b",
            r"\bwhat (?:services|treatments|do you (?:offer|do|treat)|can i book)\b",
            r"\b(?:your|all|list (?:of )?(?:the )?) services\b",
        ),
    ),
    (
        "insurance",
        (
            r"\binsur\w*|\bin[- ]network\b|\bmedica(?:re|id)\b",
            rf"\b(?:do|does|will|can|are) {_US}\b.{{0,12}}\b(?:take|accept|work with|cover)\b",
            r"\b(?:is|am|are) .{2,30} (?:covered|accepted)\b",
        ),
    ),
    (
        "practitioners",
        (
            rf"\b(?:speaks?|speaking|talks?) (?:any )?{_SPOKEN}\b|{_SPOKEN}[- ]speaking",
            r"\b(?:who|any(?:one|body)|some(?:one|body)|doctors?|which)\b.{0,30}\bspeak(?:s|ing)?\b",
            rf"\b(?:which|what|list|do you have|have you|show(?: me)?|any)\b.{{0,25}}\b{_STAFF}\b",
            rf"\b(?:who (?:are|is|do you)|(?:is|are) there|tell me about)\b.{{0,25}}\b{_STAFF}\b",
            r"\bwho (?:treats?|does|is good|can help|works|do you have)\b",
            r"\b(?:your|the) (?:team|doctors|practitioners|specialists|nurses|staff)\b",
        ),
    ),
    (
        "free",
        (
            rf"\b(?:when|what|which|any|is|are|has|have|does)\b.{{0,40}}\b{_FREE}\b",
            rf"\b(?:show|find|list|look)\b.{{0,40}}\b{_FREE}\b|\bavailability\b",
            rf"\b(?:earliest|soonest|next|first) (?:free|available|possible|open|time|{_VISIT})",
            r"\b(?:free|available) (?:time|slot|appointment)s?\b|\bfind (?:me )?a time\b",
        ),
    ),
    (
        "hours",
        (
            r"\b(?:opening|office|clinic|business) (?:hours|times?)\b|\bhours\b|\bholidays?\b",
            rf"\b(?:are|is|when|when do|when does) {_US}\b.{{0,12}}\b(?:open|close[sd]?|shut)\b",
            r"\b(?:open|closed?) (?:on|today|tomorrow|at|until|for)\b|\bwhat time do you\b",
        ),
    ),
    (
        "locations",
        (
            r"\bwhere (?:are|is) (?:you|the|your|main)\b|\bhow do i get (?:there|to)\b",
            r"\b(?:address(?:es)?|locations?|directions?|branches|which (?:sites|offices))\b",
            r"\b(?:phone number|telephone|your number)\b",
        ),
    ),
    (
        "book",
        (
            r"\bbook\w*\b|\b(?:sign|put) me (?:up|down)\b",
            rf"\b{_WANT}\b.{{0,40}}\b(?:{_VISIT}|{_STAFF}|{_SERVICE}|seen)\b",
            rf"\b{_SEE}\b.{{0,15}}\b(?:some(?:one|body)|a|an|the|dr|doctor|about)\b",
            rf"^(?:an? |new )?{_VISIT}\b",
        ),
    ),
    (
        "patients",
        (
            r"\b(?:look for|search|who is|is there a|which)\b.{0,20}\bpatients?\b",
            r"\b(?:look ?up|pull up|search for|find)\b",
            r"\bpatients? (?:named|called|born|with)\b|\bborn (?:on|in)?\b|\bdate of birth\b",
        ),
    ),
)
_PATTERNS = tuple((intent, re.compile("|".join(signs))) for intent, signs in _SIGNS)
_NOT_OURS = re.compile("|".join(_ELSEWHERE))


def intent_of(text: str) -> Intent | None:
    """Return what a plain, mended text asks for, if it is something of ours."""
    if _NOT_OURS.search(text):
        return None
    return next((intent for intent, signs in _PATTERNS if signs.search(text)), None)
