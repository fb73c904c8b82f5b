"""Jobs as records: clients read and follow them; record transactions do not write them."""

from accord.flows.jobs import rules
from accord.flows.record_types import RecordType
from accord.queue.tables import JobRow, jobs

job = RecordType(table=jobs, row=JobRow, readable=rules.readable_jobs)
