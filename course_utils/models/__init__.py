"""The course's models, one file each; builders return a plain ``keras.Model``."""
