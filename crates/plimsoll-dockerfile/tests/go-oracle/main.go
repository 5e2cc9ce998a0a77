// Answers for BuildKit's own reading of Dockerfiles, one line of JSON for each line on standard input: the base64 of a
// Dockerfile, or the base64 of ignore patterns, of which each stands on a line, a space, and the base64 of a path.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
)

type heredoc struct {
	Name, Content string
	Expand, Chomp bool
	Descriptor    uint
}

type instruction struct {
	Name       string
	Flags      []string
	Args       []string
	Json       bool
	Heredocs   []heredoc
	Start, End int
}

type warning struct {
	Rule   string
	Line   int
	Detail string
}

type answer struct {
	Error        string
	Meaning      string
	Instructions []instruction
	Warnings     []warning
	LintError    string
	Ignored      bool
}

// noImages says of each image that nothing is known of it.
type noImages struct{}

func (noImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux","config":{}}`), nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		out.Encode(answerTo(strings.Fields(lines.Text())))
	}
}

func decode(word string) []byte {
	text, err := base64.StdEncoding.DecodeString(word)
	if err != nil {
		panic(err)
	}
	return text
}

func answerTo(words []string) (a answer) {
	defer func() {
		if failure := recover(); failure != nil {
			a.Error = fmt.Sprint("panic: ", failure)
		}
	}()
	if len(words) == 2 {
		patterns, err := ignorefile.ReadAll(bytes.NewReader(decode(words[0])))
		if err == nil {
			a.Ignored, err = patternmatcher.MatchesOrParentMatches(string(decode(words[1])), patterns)
		}
		if err != nil {
			a.Error = err.Error()
		}
		return a
	}
	source := []byte{}
	if len(words) == 1 {
		source = decode(words[0])
	}
	read, err := parser.Parse(bytes.NewReader(source))
	if err != nil {
		a.Error = err.Error()
		return a
	}
	for _, node := range read.AST.Children {
		a.Instructions = append(a.Instructions, told(node))
	}
	if _, _, err := instructions.Parse(read.AST, linter.New(&linter.Config{})); err != nil {
		a.Meaning = err.Error()
		return a
	}
	lint(source, &a)
	return a
}

func told(node *parser.Node) instruction {
	i := instruction{Name: node.Value, Flags: node.Flags, Json: node.Attributes["json"], Start: node.StartLine, End: node.EndLine}
	for next := node.Next; next != nil; next = next.Next {
		if len(next.Children) == 1 {
			inner := told(next.Children[0])
			i.Args = append(append(append(i.Args, inner.Name), inner.Flags...), inner.Args...)
			continue
		}
		i.Args = append(i.Args, next.Value)
	}
	for _, h := range node.Heredocs {
		i.Heredocs = append(i.Heredocs, heredoc{h.Name, h.Content, h.Expand, h.Chomp, h.FileDescriptor})
	}
	return i
}

func lint(source []byte, a *answer) {
	sources := llb.NewSourceMap(nil, "Dockerfile", "", source)
	sources.Definition = &llb.Definition{}
	opt := dockerfile2llb.ConvertOpt{MetaResolver: noImages{}, SourceMap: sources}
	caps := pb.Caps.CapSet(pb.Caps.All())
	opt.LLBCaps = &caps
	defer func() {
		if failure := recover(); failure != nil {
			a.LintError = fmt.Sprint("panic: ", failure)
		}
	}()
	results, err := dockerfile2llb.DockerfileLint(context.Background(), source, opt)
	if err != nil {
		a.LintError = err.Error()
		return
	}
	if results.Error != nil {
		a.LintError = results.Error.Message
	}
	for _, w := range results.Warnings {
		line := 0
		if w.Location != nil && len(w.Location.Ranges) > 0 {
			line = int(w.Location.Ranges[0].Start.Line)
		}
		a.Warnings = append(a.Warnings, warning{w.RuleName, line, w.Detail})
	}
}
