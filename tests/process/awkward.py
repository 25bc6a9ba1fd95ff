"""A text that is easy to get wrong, as help and as a label value."""

AWKWARD = 'quote " backslash \\ newline \n tab \t brace } umlaut \xe4 euro \u20ac smile \U0001f600'
