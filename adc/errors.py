"""The one exception that is meant to be read by the person at the keyboard."""


class UserError(Exception):
    """Something the reader can mend: the message says what was wrong, where, and what to do; no traceback."""
