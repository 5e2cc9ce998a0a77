// Answers for Go's checksum database, one line for each question on standard input: roots, proofs and tiles of the
// tree whose entries are "entry 0", "entry 1" and so on, and what is in a signed note.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// stored holds the hashes of the tree in the order in which the package keeps them.
var stored []tlog.Hash
var leaves int64

func read(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = stored[index]
	}
	return hashes, nil
}

func growTo(size int64) error {
	for ; leaves < size; leaves++ {
		entry := []byte(fmt.Sprintf("entry %d", leaves))
		hashes, err := tlog.StoredHashes(leaves, entry, tlog.HashReaderFunc(read))
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		answer, err := answer(strings.Fields(lines.Text()))
		if err != nil {
			answer = "error " + err.Error()
		}
		fmt.Println(answer)
	}
}

func answer(words []string) (string, error) {
	if words[0] == "open" {
		return open(words[1], words[2])
	}
	var numbers []int64
	for _, word := range words[1:] {
		number, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return "", err
		}
		numbers = append(numbers, number)
	}
	size := numbers[len(numbers)-1]
	if err := growTo(size); err != nil {
		return "", err
	}
	reader := tlog.HashReaderFunc(read)
	switch words[0] {
	case "root":
		hash, err := tlog.TreeHash(size, reader)
		return hash.String(), err
	case "inclusion":
		proof, err := tlog.ProveRecord(size, numbers[0], reader)
		return join(proof), err
	case "consistency":
		proof, err := tlog.ProveTree(size, numbers[0], reader)
		return join(proof), err
	case "tile":
		tile := tlog.Tile{H: 8, L: int(numbers[0]), N: numbers[1], W: int(numbers[2])}
		data, err := tlog.ReadTileData(tile, reader)
		return base64.StdEncoding.EncodeToString(data), err
	}
	return "", fmt.Errorf("unknown question %q", words[0])
}

func join(hashes []tlog.Hash) string {
	texts := make([]string, len(hashes))
	for i, hash := range hashes {
		texts[i] = hash.String()
	}
	return strings.Join(texts, " ")
}

func open(key, message string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", err
	}
	text, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		return "", err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString([]byte(opened.Text)), nil
}
