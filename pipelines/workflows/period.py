"""The month that a scheduled refresh is for, as an expression of Argo's."""

# So many days before the tick as its day of the month is the last day of the month before.
PREVIOUS_MONTH = (
    "let tick = sprig.toDate('2006-01-02T15:04:05Z07:00', workflow.scheduledTime); "
    "sprig.date('2006-01', "
    "sprig.dateModify('-' + string(24 * asInt(sprig.date('2', tick))) + 'h', tick))"
)
