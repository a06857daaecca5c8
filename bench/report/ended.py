"""How the work on a victim ended, in the words of a picture or a sentence."""

_WORDS = {
    "converged": "converged",
    "budget": "used its budget",
    "diverged": "diverged",
    "nonfinite": "was not finite",
    "unverified": "found nothing that agrees",
    "out_of_memory": "ran out of memory",
    "error": "raised an error",
    "not_applicable": "not applicable",
}


def in_words(status: str) -> str:
    """The words for a stored status; another word is shown as it is.

    >>> in_words("budget"), in_words("some_word")
    ('used its budget', 'some word')
    """
    return _WORDS.get(status, status.replace("_", " "))
