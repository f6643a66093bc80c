"""What is held about a person, given back: a copy in plain words, and a portable one."""
