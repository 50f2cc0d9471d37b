"""What is remembered? Every table, so that migrations and tests see them all."""

from app.models.access import ApiToken, IdempotentReply, PhoneLink, SignIn, User
from app.models.addition import CustomerNote, CustomerPhoto, OtherPhone
from app.models.alarm import Alarm
from app.models.backtest import Backtest
from app.models.branch import Branch
from app.models.calendar import CalendarSubscription
from app.models.company import Company
from app.models.consent import ConsentEntry, PushSubscription
from app.models.customer import Customer, Site
from app.models.forecast import ForecastEntry
from app.models.hold import Hold
from app.models.inbound import Inbound
from app.models.incident import Incident, IncidentEntry, IncidentVisit
from app.models.invoice import Paper, PaperCounter, Payment
from app.models.job import JobRun, Lease, Tick
from app.models.learning import Learning, Lesson
from app.models.letter import Letter
from app.models.line import LineCall, LineCode
from app.models.list_file import ListFile
from app.models.notice import Notice, NoticeAttempt, Receipt
from app.models.onsite import AddedWork, Handover
from app.models.planning import Planning
from app.models.policy import PolicyVersion
from app.models.position import CurrentPosition, PositionFix, QuarantinedInput
from app.models.price_book import PriceBookVersion
from app.models.proposal import Proposal
from app.models.quote import Quote, QuoteAnswer
from app.models.reminder import Reminder
from app.models.service import Service
from app.models.technician import Device, Technician
from app.models.time_off import Absence
from app.models.visit import DecisionEntry, Visit, VisitEvent
from app.models.webhook import Webhook, WebhookMessage
from app.models.wording import Wording

#: Evidence: entries are added, never changed or deleted. A trigger in both databases refuses anything else.
EVIDENCE = (
    VisitEvent,
    DecisionEntry,
    Receipt,
    PolicyVersion,
    ConsentEntry,
    IncidentEntry,
    Wording,
    PriceBookVersion,
    Paper,
    Payment,
    Quote,
    QuoteAnswer,
    AddedWork,
    Handover,
)

__all__ = [
    "EVIDENCE",
    "Absence",
    "AddedWork",
    "Alarm",
    "ApiToken",
    "Backtest",
    "Branch",
    "CalendarSubscription",
    "Company",
    "ConsentEntry",
    "CurrentPosition",
    "Customer",
    "CustomerNote",
    "CustomerPhoto",
    "DecisionEntry",
    "Device",
    "ForecastEntry",
    "Handover",
    "Hold",
    "IdempotentReply",
    "Inbound",
    "Incident",
    "IncidentEntry",
    "IncidentVisit",
    "JobRun",
    "Learning",
    "Lease",
    "Lesson",
    "Letter",
    "LineCall",
    "LineCode",
    "ListFile",
    "Notice",
    "NoticeAttempt",
    "OtherPhone",
    "Paper",
    "PaperCounter",
    "Payment",
    "PhoneLink",
    "Planning",
    "PolicyVersion",
    "PositionFix",
    "PriceBookVersion",
    "Proposal",
    "PushSubscription",
    "QuarantinedInput",
    "Quote",
    "QuoteAnswer",
    "Receipt",
    "Reminder",
    "Service",
    "SignIn",
    "Site",
    "Technician",
    "Tick",
    "User",
    "Visit",
    "VisitEvent",
    "Webhook",
    "WebhookMessage",
    "Wording",
]
