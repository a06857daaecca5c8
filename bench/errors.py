"""The exceptions that mean "the user asked for something that cannot be done".

The command line prints the sentence and exits with code 2; a suite turns it into a row. This file imports nothing, so
that every room (and datamodules/) can raise them.
"""


class UserError(Exception):
    """A mistake in the request, not in the program. Its one sentence says what is wrong, where, and what to do."""


class UnknownKeyError(UserError):
    """An override names a key that the config does not have.

    Args:
        sentence: the message.
        key: the dotted key.
    """

    def __init__(self, sentence: str, key: str) -> None:
        super().__init__(sentence)
        self.key = key


class AbsentData(UserError):
    """The folder of a data set does not exist. A suite collects these and names all lacking data sets at once."""


class Unwritable(UserError):
    """Results cannot be written. A suite ends with this error, because no other cell could be written either."""


class NotApplicable(UserError):
    """The attack cannot be run on this model, batch or threat model.

    A single run ends with exit code 2; in a suite the sentence becomes a row.
    """


_IN_SHORT = 120  # the most characters that are quoted from an error's message


def in_short(error: BaseException) -> str:
    """An error's message in one short line; its class if it has no message."""
    return " ".join(str(error).split())[:_IN_SHORT] or type(error).__name__
