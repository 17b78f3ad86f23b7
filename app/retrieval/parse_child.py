"""The throw-away process that parses one document: bytes come on stdin, chunks leave on stdout as JSON lines."""

import json
import os
import sys

from app.retrieval.chunks import split
from app.retrieval.confinement import confine
from app.retrieval.media import MediaType
from app.retrieval.parse import clean_text, sections
from app.retrieval.unreadable import DocumentUnreadable, Unreadable, status_of

TEXT_BYTES = 16 << 20
CHUNKS = 20_000


def _chunk(media_type: MediaType) -> None:
    raw = sys.stdin.buffer.read(TEXT_BYTES + 1)
    if len(raw) > TEXT_BYTES:
        raise DocumentUnreadable(Unreadable.TOO_LARGE)
    text = clean_text(raw)
    if not text.strip():
        raise DocumentUnreadable(Unreadable.NO_TEXT)
    lines: list[bytes] = []
    for chunk in split(text, sections(text, media_type), media_type):
        if len(lines) >= CHUNKS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
        fields = (chunk.heading, chunk.start, chunk.end, chunk.text)
        lines.append(json.dumps(fields, ensure_ascii=False).encode())
    sys.stdout.buffer.write(b"\n".join(lines))
    sys.stdout.buffer.flush()


def main(media_type: MediaType) -> int:
    """Confine this process, then write the chunks of the document on stdin; return the exit status."""
    confine()
    try:
        _chunk(media_type)
    except DocumentUnreadable as error:
        return status_of(error.why)
    except UnicodeDecodeError:
        return status_of(Unreadable.MALFORMED)
    except MemoryError:
        return status_of(Unreadable.MEMORY)
    return 0


if __name__ == "__main__":
    # Not sys.exit: nothing is left to tidy, and tidying could open files.
    os._exit(main(MediaType(sys.argv[1])))
