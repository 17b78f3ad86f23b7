"""Text of documents as it may stand in a prompt: to be read, never a role, a tool call or another passage."""

import re
import unicodedata

# A node makes tokens of a prompt as one text, and what is written like a special token of the model becomes that token,
# wherever it came from: ollama, tokenizer/bytepairencoding.go (Encode); llama.cpp, src/llama-vocab.cpp
# (tokenizer_st_partition), for a completion with parse_special (tools/server/server-common.cpp). These are how ChatML
# (Qwen, SmolLM), Llama, Phi, DeepSeek, Gemma, Mistral and their like write them.
_BARS = r"<(?=[|\uff5c])"
_NAMED = (
    r"<(?=/?(?:s|bos|eos|unk|pad|mask|cls|sep|think|thinking|tools?|tool_?[a-z]+|function[a-z_]*|image|audio|video"
    r"|start_of_[a-z]+|end_of_[a-z]+|begin_of_[a-z]+|fim_[a-z]+|file_?sep|file_?name|repo_?name|gh_stars|issue_[a-z]+"
    r"|jupyter_[a-z_]+|commit_[a-z]+|empty_output|[a-z]+_token|unused\d+)\s*/?>)"
)
_SYSTEM = r"<(?=</?SYS>>)|<(?=SYS>>|/SYS>>)"
_BRACKETS = (
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK|IMG"
    r"|IMG_BREAK|IMG_END|MIDDLE|PREFIX|SUFFIX)\])"
)
_SPECIAL = re.compile("|".join((_BARS, _NAMED, _SYSTEM, _BRACKETS)), re.IGNORECASE)
# As passages are numbered in a prompt, and cited in an answer.
_NUMBER = re.compile(r"^([ \t]*)\[(\d{1,3})\]", re.MULTILINE)
_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and a part of how Persian, Hindi or an emoji is written."""


def tokenless(text: str) -> str:
    """Return the text with a blank after the first character of what a model could take for a special token."""
    return _SPECIAL.sub(lambda opening: f"{opening.group()} ", text)


def as_reference(text: str) -> str:
    """Return the text of a document for a prompt: all of its words, nothing that cannot be seen, no special tokens.

    What is invisible hides instructions from whoever looks at the document, and special tokens from a look at the text.
    A number in brackets at the beginning of a line would begin another passage: its brackets become round.
    """
    if not text.isascii():
        text = "".join(character for character in text if not _is_invisible(character))
    return _NUMBER.sub(r"\1(\2)", tokenless(text))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" and character not in _JOINERS
