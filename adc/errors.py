"""The one exception that is meant to be read by the person at the keyboard."""


class UserError(Exception):
    """Something the reader can mend: the message says what was wrong, where, and what to do.

    Command-line entrances print it without a traceback and exit with status 1; anything else that
    is raised is a defect of ours and keeps its traceback.
    """
