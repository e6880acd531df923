"""What a letter is written with: a base model in memory and the adapters that may act on it.

`local` loads a model, `pair` writes rows of letters with it, `scripted` is the fast stand-in of the screens' tests.
All three import quickly; torch, transformers and peft are imported when a model is loaded.
"""
