"""Switchyard: LLM agents on your own GPUs."""

VERSION = "0.1.0"
