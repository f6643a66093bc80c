"""The links that a person keeps: to their own space, and to the withdrawal of one consent."""
