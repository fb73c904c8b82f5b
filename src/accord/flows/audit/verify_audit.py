"""GET /api/v1/audit/verify."""

from accord.context import SignedInContext
from accord.contract.types import AuditVerdict
from accord.flows.audit import serializers
from accord.journal import checkpoints
from accord.journal.keys import JournalKeys, known
from accord.journal.verification import verify


async def verify_audit(context: SignedInContext) -> AuditVerdict:
    """Verify the whole hash chain, and compare it with the signed checkpoints."""
    kept = await checkpoints.load_checkpoints(context.read, context.settings.data_dir)
    keys = JournalKeys(context.settings, context.tokens)
    trusted = await known(context.read, context.settings.data_dir, keys, kept)
    return serializers.verdict(await verify(context.read, kept, trusted))
