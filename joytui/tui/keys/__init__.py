"""The Keys screen's parts: the list as text, the create form's rules."""
