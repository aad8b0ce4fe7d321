"""The source article's tables: speed, memory and quality of every precision, on short texts, documents and dialogues.

`words` is a small language whose answers follow from its records, `writer` a small model trained to write it, `runs`
asks and takes the time, `quality` says how near two texts are.
"""
