"""Some forty occupations and a few figures for the first minutes, before anything is imported.

Facts looked up in the producers' open files and written in our own form; each entry names its
producer, licence and date. `build` writes the files, `reading` turns them into releases.
"""
