"""`switchyard chat`: shows an answer as it comes, then where it came from and what it cost."""

import os
import time
from collections.abc import Callable, Mapping
from typing import assert_never
from uuid import uuid4

from app.asking_again import WAIT_LIMIT_S, Waits
from app.chat_lines import HELP, Thoughts, Word, describe_answer, describe_request, describe_session, is_word
from app.console import Console
from app.conversation import Stack, StackAway, StackRefused, StreamEvent
from app.finish import INTERRUPTED
from app.text import is_storable

DONE, FAILED = 0, 1
LATER = os.EX_TEMPFAIL
"""The exit status where the same question may be answered later: the stack said so until the wait was over."""


class ChatCommand:
    """One conversation: the session goes on from question to question."""

    def __init__(  # noqa: PLR0913 - what a conversation is made of
        self,
        stack: Stack,
        console: Console,
        notes: Console,
        *,
        options: Mapping[str, object],
        session_id: str | None = None,
        as_json: bool = False,
        read: Callable[[], str] = input,
        wait_limit_s: float = WAIT_LIMIT_S,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`read` returns the next line, without its end, and raises EOFError after the last."""
        self._stack = stack
        self._console = console
        self._notes = notes
        self._options = {name: value for name, value in options.items() if value is not None}
        self._session_id = session_id
        self._shown_session_id = session_id
        self._as_json = as_json
        self._read = read
        self._wait_limit_s = wait_limit_s
        self._wait = wait
        self._run_id = ""
        self._text = ""
        self._thoughts = Thoughts(notes)
        self._is_person = False

    def talk(self) -> int:
        """Read what a person types, until the end of input; return 0."""
        self._is_person = True
        self._notes.say("Ask away. /help lists what else there is, /quit or Ctrl-D ends.")
        while True:
            try:
                line = self._read().strip()
            except (EOFError, KeyboardInterrupt):
                self._notes.say("")
                return DONE
            except UnicodeDecodeError:
                self._say_wrong("what was typed is no text in the encoding of this terminal")
                continue
            if self._take(line) is None:
                return DONE

    def take_lines(self) -> int:
        """Ask each line that a program gives, until Ctrl-C; return the worst that came of one."""
        worst = DONE
        while worst != INTERRUPTED:
            try:
                taken = self._take(self._read().strip())
            except EOFError:
                break
            except UnicodeDecodeError:
                return self._say_wrong("standard input holds no text in the encoding of this terminal")
            if taken is None:
                break
            worst = max(worst, taken)
        return worst

    def _take(self, line: str) -> int | None:
        """Ask a line, or do what it says; return what came of it, None for the end."""
        if not line:
            return DONE
        if is_word(line):
            return self._obey(line)
        return self.ask(line.removeprefix("/") if line.startswith("//") else line)

    def _obey(self, line: str) -> int | None:
        name, *rest = line.split()
        if name not in set(Word):
            return self._say_wrong(f"there is no {name}; /help lists what there is")
        word = Word(name)
        match word:
            case Word.HELP:
                for help_line in HELP:
                    self._console.say(help_line)
            case Word.NEW:
                self._session_id = None
                self._console.say("a new session begins with the next question")
            case Word.SESSION:
                self._session_id = rest[0] if rest else self._session_id
                self._console.say(describe_session(self._session_id) if self._session_id else "no session yet")
                self._shown_session_id = self._session_id
            case Word.QUIT | Word.EXIT:
                return None
            case _:
                assert_never(word)
        return DONE

    def ask(self, question: str) -> int:
        """Ask once, and again for as long as the stack says that it may help and the wait is not over.

        Return 0 with an answer, 1 without, 75 when another try may help later, 130 when interrupted.
        """
        if not is_storable(question):
            return self._say_wrong("the question is no text: it holds bytes that are not UTF-8, or NUL")
        try:
            return self._insist(question)
        except KeyboardInterrupt:
            self._console.end_line()
            self._cancel()
            return INTERRUPTED
        except BrokenPipeError:  # nobody reads the answer any more
            self._cancel()
            raise
        except StackAway as error:
            return self._say_wrong(str(error))

    def _insist(self, question: str) -> int:
        waits, key = Waits(self._wait_limit_s), str(uuid4())
        while (refusal := self._try(question, key)) is not None:
            wait_s = waits.take(refusal.problem, refusal.retry_after_s)
            if wait_s is None:
                return self._give_up(refusal, waits)
            self._run_id = ""
            self._note(f"({refusal}; again in {wait_s:g} s)")
            self._wait(wait_s)
        return DONE

    def _try(self, question: str, key: str) -> StackRefused | None:
        """Ask, and show what comes; return the problem that it ended with. Raises StackAway."""
        self._run_id, self._text, self._thoughts = "", "", Thoughts(self._notes)
        body: dict[str, object] = {"message": question, **self._options}
        if self._session_id is not None:
            body["session_id"] = self._session_id
        try:
            for event in self._stack.ask(body, key):
                match event.kind:
                    case "done":
                        self._finish(event)
                        return None
                    case "error":
                        return StackRefused(event.body)
                    case "interrupt":
                        if not self._answer(event):
                            return None
                    case _:
                        self._show(event)
        except StackRefused as refused:
            return refused
        raise StackAway("the stack ended the stream without an answer")

    def _answer(self, event: StreamEvent) -> bool:
        """Have the person answer what the run asks; False when nobody does, and it is left waiting."""
        for asked in event.body["interrupts"]:
            self._console.end_line()
            self._console.say(describe_request(asked))
            if not self._is_person or not self._pass_on(str(asked["interrupt_id"])):
                there = f"POST /api/v1/runs/{self._run_id}/resume"
                self._note(f"(run {self._run_id} waits for the answer: {there})")
                return False
        return True

    def _pass_on(self, interrupt_id: str) -> bool:
        while True:
            try:
                self._stack.resume(self._run_id, interrupt_id, self._read().strip())
            except EOFError:
                return False
            except StackRefused as refused:
                if refused.problem.get("code") != "bad_input":
                    raise
                self._say_wrong(str(refused))
            else:
                return True

    def _give_up(self, refusal: StackRefused, waits: Waits) -> int:
        if refusal.problem.get("retryable") is not True:
            return self._say_wrong(str(refusal))
        more = f"another try may help in {waits.wanted(refusal.retry_after_s):g} s"
        self._say_wrong(f"{refusal} (gave up after waiting {waits.waited_s:g} s: {more}; see --wait)")
        return LATER

    def _show(self, event: StreamEvent) -> None:
        match event.kind:
            case "queued":
                self._run_id = str(event.body["run_id"])
                self._session_id = str(event.body["session_id"])
            case "thinking":
                self._think(int(event.body["offset"]), str(event.body["text"]))
            case "delta":
                self._notes.end_line()
                self._text += str(event.body["text"])
                self._write(str(event.body["text"]))
            case "restart":
                self._text = self._text[: int(event.body["offset"])]
                self._note("(the answer begins again)")
                self._write(self._text)
            case _:
                self._pass_by(event)

    def _pass_by(self, event: StreamEvent) -> None:
        """Say what keeps the answer from coming."""
        body = event.body
        match event.kind:
            case "loading":
                self._note(f"({body['node']} loads {body['model']})")
            case "waiting_for_node":
                self._note(f"(waiting for a node: {body['reason']})")
            case "waiting_for_slot":
                self._note(f"(number {body['position']} in the queue, about {body['eta_s']:g} s)")
            case "tool_call":
                self._note(f"({body['agent']} uses {body['tool']})")
            case _:
                pass

    def _think(self, offset: int, text: str) -> None:
        if self._options.get("think", False) and not self._as_json:
            self._console.end_line()
            self._thoughts.add(offset, text)

    def _write(self, text: str) -> None:
        if not self._as_json:
            self._console.write(text)

    def _note(self, line: str) -> None:
        self._console.end_line()
        self._notes.say(line)

    def _say_wrong(self, text: str) -> int:
        self._note(f"switchyard: {text}")
        return FAILED

    def _finish(self, event: StreamEvent) -> None:
        self._notes.end_line()
        self._console.end_line()
        self._session_id = str(event.body["session_id"])
        if self._as_json:
            self._console.show_json(event.body)
            return
        for line in describe_answer(event.body):
            self._console.say(line)
        if self._shown_session_id != self._session_id:
            self._shown_session_id = self._session_id
            self._console.say(describe_session(self._session_id))

    def _cancel(self) -> None:
        if not self._run_id:
            return
        try:
            self._stack.cancel(self._run_id)
            self._notes.say("(stopped)")
        except (StackRefused, StackAway) as error:
            self._notes.say(f"switchyard: {error}")
        except KeyboardInterrupt:
            self._notes.say("(not waiting for its end)")
