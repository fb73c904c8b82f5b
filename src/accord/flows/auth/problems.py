"""The problems of the auth domain."""

from accord.problems import InvalidCredentials, Problem


class SignInRefused(InvalidCredentials):
    """A sign-in failed; the transaction commits the count of failures."""

    commits = True
    detail = "E-mail address or password is wrong. Check both and try again."


class AccountLocked(Problem):
    """Too many sign-ins failed for one address, with or without an account."""

    code, status, title = "ACCOUNT_LOCKED", 429, "Too many failed sign-ins"
    detail = "Wait for the seconds in Retry-After, or ask an administrator to unlock the account."
    commits = True


class SessionOver(InvalidCredentials):
    """The session ended or expired, or no session ever had this token."""

    detail = "The session is over. Sign in again."


class RefreshTokenReused(SessionOver):
    """A replaced token came again: one of two holders stole it, so the session ended for both."""

    commits = True
