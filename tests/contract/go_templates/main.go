// Renders conversations with the Go templates of the local stack's models, as Ollama does, for tests/contract/go_templates.
//
//	go run tests/contract/go_templates/main.go <templates directory> < cases.json > goldens.json
//
// Needs Go 1.18 or later and nothing else (Debian: golang-go). The templates run in Go's own text/template. What Ollama does
// around it is repeated here in as few lines as may be: template/template.go (Parse, Execute, collate, convertToolsForTemplate,
// convertMessagesForTemplate, and the types with a String method), api/types.go (ToolProperty, PropertyType) at v0.24 and v0.33.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// api/types.go: arguments of a call. Templates get them as a map, whose keys JSON writes in order of their names.
type templateArgs map[string]any

func (t templateArgs) String() string {
	if t == nil {
		return "{}"
	}
	bts, _ := json.Marshal(t)
	return string(bts)
}

type templateToolCallFunction struct {
	Index     int
	Name      string
	Arguments templateArgs
}

type templateToolCall struct {
	ID       string
	Function templateToolCallFunction
}

type templateMessage struct {
	Role       string
	Content    string
	Thinking   string
	ToolCalls  []templateToolCall
	ToolName   string
	ToolCallID string
}

type propertyType []string

func (pt *propertyType) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err == nil {
		*pt = []string{s}
		return nil
	}
	var a []string
	if err := json.Unmarshal(data, &a); err != nil {
		return err
	}
	*pt = a
	return nil
}

func (pt propertyType) MarshalJSON() ([]byte, error) {
	if len(pt) == 1 {
		return json.Marshal(pt[0])
	}
	return json.Marshal([]string(pt))
}

// internal/orderedmap: nested properties keep the order in which they came.
type property struct {
	key   string
	value toolProperty
}

type properties []property

func (p *properties) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		var value toolProperty
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		*p = append(*p, property{key.(string), value})
	}
	return nil
}

func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(one.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(one.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

type toolProperty struct {
	AnyOf       []toolProperty `json:"anyOf,omitempty"`
	Type        propertyType   `json:"type,omitempty"`
	Items       any            `json:"items,omitempty"`
	Description string         `json:"description,omitempty"`
	Enum        []any          `json:"enum,omitempty"`
	Properties  *properties    `json:"properties,omitempty"`
	Required    []string       `json:"required,omitempty"`
}

type templateProperties map[string]toolProperty

func (t templateProperties) String() string {
	if t == nil {
		return "{}"
	}
	bts, _ := json.Marshal(t)
	return string(bts)
}

type templateToolFunctionParameters struct {
	Type       string             `json:"type"`
	Defs       any                `json:"$defs,omitempty"`
	Items      any                `json:"items,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Properties templateProperties `json:"properties"`
}

type templateToolFunction struct {
	Name        string                         `json:"name"`
	Description string                         `json:"description"`
	Parameters  templateToolFunctionParameters `json:"parameters"`
}

type templateTool struct {
	Type     string               `json:"type"`
	Items    any                  `json:"items,omitempty"`
	Function templateToolFunction `json:"function"`
}

// String came with v0.30; the packaged templates never print a whole tool.
func (t templateTool) String() string {
	bts, _ := json.Marshal(t)
	return string(bts)
}

type templateTools []templateTool

func (t templateTools) String() string {
	bts, _ := json.Marshal(t)
	return string(bts)
}

type message struct {
	Role      string `json:"role"`
	Content   string `json:"content"`
	Thinking  string `json:"thinking"`
	ToolCalls []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string       `json:"name"`
			Arguments templateArgs `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
	ToolName   string `json:"tool_name"`
	ToolCallID string `json:"tool_call_id"`
}

type conversation struct {
	Name     string        `json:"name"`
	Messages []message     `json:"messages"`
	Tools    templateTools `json:"tools"`
	Think    any           `json:"think"`
	Prompt   string        `json:"prompt"`
	Suffix   string        `json:"suffix"`
}

type golden struct {
	Template string `json:"template"`
	Case     string `json:"case"`
	Prompt   string `json:"prompt"`
}

// template/template.go, collate.
func collate(msgs []message) (string, []*message) {
	var system []string
	var collated []*message
	for i := range msgs {
		if msgs[i].Role == "system" {
			system = append(system, msgs[i].Content)
		}
		if len(collated) > 0 && collated[len(collated)-1].Role == msgs[i].Role && msgs[i].Role != "tool" {
			collated[len(collated)-1].Content += "\n\n" + msgs[i].Content
		} else {
			collated = append(collated, &msgs[i])
		}
	}
	return strings.Join(system, "\n\n"), collated
}

// template/template.go, convertMessagesForTemplate.
func converted(messages []*message) []*templateMessage {
	var result []*templateMessage
	for _, msg := range messages {
		var calls []templateToolCall
		for i, tc := range msg.ToolCalls {
			calls = append(calls, templateToolCall{tc.ID, templateToolCallFunction{i, tc.Function.Name, tc.Function.Arguments}})
		}
		result = append(result, &templateMessage{msg.Role, msg.Content, msg.Thinking, calls, msg.ToolName, msg.ToolCallID})
	}
	return result
}

// api/types.go, ThinkValue.Bool and String; server/prompt.go, renderPrompt.
func thinking(asked any) (bool, string, bool) {
	if level, ok := asked.(string); ok {
		return true, level, true
	}
	if think, _ := asked.(bool); think {
		return true, "medium", true
	}
	return false, "", asked != nil
}

// template/template.go, Execute: with a suffix, or with messages; both templates name `.Messages`.
func values(asked conversation) map[string]any {
	think, level, isSet := thinking(asked.Think)
	rest := map[string]any{"Response": "", "Think": think, "ThinkLevel": level, "IsThinkSet": isSet}
	if asked.Prompt != "" && asked.Suffix != "" {
		rest["Prompt"], rest["Suffix"] = asked.Prompt, asked.Suffix
		return rest
	}
	system, messages := collate(asked.Messages)
	rest["System"], rest["Messages"], rest["Tools"] = system, converted(messages), asked.Tools
	return rest
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	var cases []json.RawMessage
	must(json.NewDecoder(os.Stdin).Decode(&cases))
	paths, err := filepath.Glob(filepath.Join(os.Args[1], "*"))
	must(err)
	goldens := []golden{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(err)
		// ops/local/models/store.py keeps no newline at the end; template/template.go, Parse.
		parsed, err := template.New("").Option("missingkey=zero").Parse(strings.TrimRight(string(text), "\n"))
		must(err)
		for _, raw := range cases {
			var asked conversation
			must(json.Unmarshal(raw, &asked))
			var b bytes.Buffer
			must(parsed.Execute(&b, values(asked)))
			goldens = append(goldens, golden{filepath.Base(path), asked.Name, b.String()})
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	must(encoder.Encode(goldens))
}
