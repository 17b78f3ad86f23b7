"""Tags of thoughts are found and thinking is told apart as Ollama does it.

The cases are those of ollama's own thinking/template_test.go and thinking/parser_test.go.
"""

import pytest

from ops.local.models.store import TEMPLATES
from ops.local.ollama.thinking import Parser, Tags, begun, find_tags

THINK = Tags("<think>", "</think>")
INSIDE = """
{{ if .Thinking}}
    /think
{{ end }}
{{- range $i, $_ := .Messages }}
    {{- $last := eq (len (slice $.Messages $i)) 1 -}}
    {{ if and $last .Thinking }}
        %s
    {{ end }}
{{ end }}
"""
ELSE_IF = """
{{- range .Messages }}
{{- if eq .Role "user" }}{{ .Content }}
{{- else if .Thinking }}{{ .Role }}<a>{{ .Thinking }}</a>
{{- else }}{{ .Content }}{{ end }}
{{- end }}"""


@pytest.mark.parametrize(
    ("template", "tags"),
    [
        (INSIDE % "<think>{{ .Thinking }}</think>", THINK),
        (INSIDE % "Some text before   {{ .Thinking }}    Some text after", Tags("Some text before", "Some text after")),
        ("{{ range .Messages }}{{ range .Others }}<think>{{ .Thinking }}</think>{{ end }}{{ end }}", None),
        ("{{ range .Others }}<think>{{ .Thinking }}</think>{{ end }}", None),
        ("<think>{{ .Thinking }}</think>", None),
        # What only stands in a comment or a quoted text, or is of another variable, is no field of the message.
        ("{{ range .Messages }}<a>{{/* .Thinking */}}</a>{{ end }}", None),
        ('{{ range .Messages }}<a>{{ print ".Thinking" }}</a>{{ end }}', None),
        ("{{ range .Messages }}<a>{{ $.Thinking }}</a>{{ end }}", None),
        # The list begins with an action, so there is no opening tag.
        (ELSE_IF, None),
        (
            "{{ range .Messages }}{{ if .Thinking -}} <a> {{- .Thinking -}} </a> {{- end }}{{ end }}",
            Tags("<a>", "</a>"),
        ),
        ("{{ .Prompt }}", None),
        ("", None),
    ],
)
def test_the_tags_of_a_template_are_those_around_the_thinking_of_a_message(template: str, tags: Tags | None) -> None:
    assert find_tags(template) == tags


@pytest.mark.parametrize(("name", "tags"), [("smollm2", None), ("qwen2.5-coder", None), ("chatml-thinking", THINK)])
def test_of_the_stores_templates_one_can_think(name: str, tags: Tags | None) -> None:
    assert find_tags((TEMPLATES / name).read_text()) == tags


@pytest.mark.parametrize(
    "steps",
    [
        [("<think> internal </think> world", "internal ", "world")],
        [("<think>a</think><think>b</think>c", "a", "<think>b</think>c")],
        [("no think", "", "no think")],
        [("  abc", "", "  abc"), ("def", "", "def")],
        [("  abc <think>def</think> ghi", "", "  abc <think>def</think> ghi")],
        [("  <th", "", ""), ("in", "", ""), ("k>a", "a", "")],
        [("<think>abc</th", "abc", ""), ("ink>def", "", "def")],
        [("<think>abc</th", "abc", ""), ("ing>def", "</thing>def", ""), ("ghi</thi", "ghi", ""), ("nk>jkl", "", "jkl")],
        [("  <think>abc</think>\n\ndef", "abc", "def")],
        [("  <think>  \n ", "", ""), ("  \n abc", "abc", "")],
        [("<think>abc</think>", "abc", ""), ("\n\n", "", ""), ("def \n", "", "def \n"), (" ghi", "", " ghi")],
        [("<think>abc</thin", "abc", ""), ("", "", "")],
    ],
)
def test_thinking_is_told_apart_as_soon_as_it_is_certain(steps: list[tuple[str, str, str]]) -> None:
    parser = Parser(THINK)
    assert [(text, *parser.feed(text)) for text, _, _ in steps] == steps


@pytest.mark.parametrize(("prompt", "thinking"), [("<|im_start|>assistant\n<think>\n", "Hm."), ("assistant\n", "")])
def test_a_prompt_that_ends_in_the_opening_tag_has_begun_the_thought(prompt: str, thinking: str) -> None:
    """server/routes.go, ChatHandler."""
    assert begun(THINK, prompt).feed("Hm.</think>4") == ((thinking, "4") if thinking else ("", "Hm.</think>4"))
