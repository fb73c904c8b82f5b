"""Tasks and events that break the laws: the rule, where notes.yaml is broken, by what, and what the message says."""

from typing import Any

TASK = ("x-tasks", "remindOfNote")
EVENT = ("x-events", "note.shared")
SHARED = ("components", "schemas", "SharedNote")
ARGS = (*TASK, "args")
EVERY = {"cron": "0 3 * * *", "zone": "Europe/Paris"}
TEXT = {"type": "string", "maxLength": 9, "pattern": "^[a-z]*$"}
SECRETS = {"type": "object", "properties": {"passwordHash": TEXT}}
CREATE_NOTE, GET_NOTE = ("paths", "/api/v1/notes", "post"), ("paths", "/api/v1/notes/{noteId}", "get")
ASYNC, JOB = {"maxWaiting": 5}, {"description": "The job."}
ID = ("paths", "/api/v1/notes/{noteId}", "get", "operationId")

BROKEN: list[tuple[str, tuple[str, ...], Any, str]] = [
    ("stores_no_secret", (*ARGS, "properties", "resetToken"), TEXT, "arguments are stored; replace resetToken"),
    (
        "stores_no_secret",
        (*ARGS, "properties", "notes"),
        {"type": "array", "items": SECRETS},
        "args.notes.items: argume",
    ),
    ("runs_on_its_schedule", (*TASK, "every"), EVERY, "task remindOfNote: a schedule gives no noteId; require no"),
    ("has_a_schedule_that_comes", (*TASK, "every"), EVERY | {"cron": "61 3 * * *"}, "every: the cron expression"),
    ("has_a_schedule_that_comes", (*TASK, "every"), EVERY | {"zone": "Paris"}, "'Paris' is no time zone"),
    ("waits_longer_each_time", (*TASK, "backoff"), {"firstSeconds": 500}, "backoff is 300; make it at least firstS"),
    ("waits_longer_each_time", (*TASK, "backoff"), {"lastSeconds": 0.5}, "at least firstSeconds, 1."),
    ("leaves_their_names_to_jobs", ID, "jobOfNote", "(jobOfNote): job_… is the file of a task or a reaction"),
    ("leaves_their_names_to_jobs", ID, "onNote", "(onNote): on_… is the file of a task or a reaction"),
    ("leaves_their_names_to_jobs", ID, "afterNote", "(afterNote): after_… is the file of a task or a reaction"),
    ("says_which_characters_it_reads", (*ARGS, "properties", "text"), {"type": "string"}, "args.text: give the stri"),
    ("has_a_caller", (*CREATE_NOTE, "x-async"), ASYNC, "(createNote): a job belongs to its caller; name an x-permiss"),
    ("responds_with_the_job_alone", GET_NOTE, {"x-async": ASYNC, "x-stream": "changes"}, "x-async and x-stream; remo"),
    ("responds_with_the_job_alone", GET_NOTE, {"x-async": ASYNC, "x-cache-control": "public"}, "x-async and x-cache-c"),
    ("responds_with_the_job_alone", (*GET_NOTE, "responses", "202"), JOB, "(getNote): 202 is the response with a job"),
    ("takes_the_preference", (*GET_NOTE, "x-async"), ASYNC, "(getNote): accept the header Idempotency-Key; `acco"),
    ("takes_the_preference", (*GET_NOTE, "x-async"), ASYNC, "(getNote): accept the header Prefer; `accord contra"),
    ("is_a_task_of_its_own", GET_NOTE, {"x-async": ASYNC, "operationId": "remindOfNote"}, "and so has a task; rename"),
    ("stores_no_secret", (*CREATE_NOTE, "x-async"), ASYNC, "CreateNote: arguments are stored; replace password by"),
    ("names_the_record", (*SHARED, "required"), ["id"], "event note.shared: its data must require version of the rec"),
    ("is_shown_with_valid_examples", (*EVENT, "example", "data", "version"), 0, "event note.shared: the example is no"),
    ("is_used", EVENT, {"schema": {}}, "components.schemas.NoteSharedEvent: nothing uses it"),
    ("bounds_strings", (*ARGS, "properties", "text"), {"type": "string"}, "task remindOfNote, args.text: give the st"),
    ("names_properties_in_every_language", (*ARGS, "properties", "from"), TEXT, "task remindOfNote, args: the prope"),
    ("names_each_object", (*ARGS, "properties", "more"), {"type": "object"}, "task remindOfNote, args.more: write th"),
    ("refuses_unknown_fields", (*ARGS, "additionalProperties"), True, "task remindOfNote, args: a request names all"),
]
