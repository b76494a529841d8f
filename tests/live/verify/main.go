// A second implementation of docs/reference/completeness-statement.md, written from that page: verify FILE KEY.
// Prints what arrived and what is missing; ends with 0 whole, 1 something is missing, 2 not true.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

type key struct{ Keyid, Algorithm, Public_key string }
type head struct {
	Kind                 string
	Version              int
	Installation, Device string
	Keys                 []key
}
type batch struct {
	Stream          string
	Sequence        int64
	Keyid           string
	Base, Signature string
}
type claim struct {
	Stream      string
	First, Last int64
	Missing     [][2]int64
}
type end struct {
	Claims  []claim
	Batches int
}
type seal struct{ Keyid, Signature string }
type stream struct {
	sequence, first int64
	digest          string
	ranges          [][2]int64
}

func untrue(format string, values ...any) {
	fmt.Printf("not true: "+format+"\n", values...)
	os.Exit(2)
}

func must(err error) {
	if err != nil {
		untrue("%v", err)
	}
}

func bytesOf(text string) []byte {
	found, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return found
}

func number(text string) int64 {
	found, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return found
}

// thumbprint is RFC 7638.
func thumbprint(public any) string {
	var jwk string
	url := base64.RawURLEncoding.EncodeToString
	switch known := public.(type) {
	case ed25519.PublicKey:
		jwk = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, url(known))
	case *ecdsa.PublicKey:
		x, y := make([]byte, 32), make([]byte, 32)
		jwk = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, url(known.X.FillBytes(x)), url(known.Y.FillBytes(y)))
	default:
		untrue("a key of an unknown kind")
	}
	digest := sha256.Sum256([]byte(jwk))
	return url(digest[:])
}

func holds(public any, base, signature []byte) bool {
	if known, ok := public.(ed25519.PublicKey); ok {
		return ed25519.Verify(known, base, signature)
	}
	digest := sha256.Sum256(base)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(public.(*ecdsa.PublicKey), digest[:], r, s)
}

// joined gives the same numbers in as few ranges as there are.
func joined(ranges [][2]int64) [][2]int64 {
	sort.Slice(ranges, func(a, b int) bool { return ranges[a][0] < ranges[b][0] })
	var found [][2]int64
	for _, each := range ranges {
		if n := len(found); n > 0 && each[0] <= found[n-1][1]+1 {
			if each[1] > found[n-1][1] {
				found[n-1][1] = each[1]
			}
			continue
		}
		found = append(found, each)
	}
	return found
}

var lost = regexp.MustCompile(`\d+=(\d+)-(\d+):`)

func main() {
	file, err := os.ReadFile(os.Args[1])
	must(err)
	var lines [][]byte
	reader := bufio.NewReader(bytes.NewReader(file))
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			lines = append(lines, line)
		}
		if err != nil {
			break
		}
	}
	if len(lines) < 3 {
		untrue("cut off")
	}
	var began head
	var ended end
	var sealed seal
	must(json.Unmarshal(lines[0], &began))
	must(json.Unmarshal(lines[len(lines)-2], &ended))
	must(json.Unmarshal(lines[len(lines)-1], &sealed))
	platform := ed25519.PublicKey(bytesOf(os.Args[2]))
	whole := sha256.Sum256(bytes.Join(lines[:len(lines)-1], nil))
	if !ed25519.Verify(platform, whole[:], bytesOf(sealed.Signature)) || thumbprint(platform) != sealed.Keyid {
		untrue("the platform's signature")
	}
	if began.Kind != "eucora-completeness" || began.Version != 1 {
		untrue("the head")
	}
	keys := map[string]any{}
	for _, each := range began.Keys {
		public, err := x509.ParsePKIXPublicKey(bytesOf(each.Public_key))
		must(err)
		if thumbprint(public) != each.Keyid {
			untrue("a key is not what its id says")
		}
		keys[each.Keyid] = public
	}
	streams := map[string]*stream{}
	for _, line := range lines[1 : len(lines)-2] {
		var told batch
		must(json.Unmarshal(line, &told))
		public, known := keys[told.Keyid]
		if !known || !holds(public, []byte(told.Base), bytesOf(told.Signature)) {
			untrue("a device's signature")
		}
		parts := strings.Split(told.Base, "\n")
		parameters := parts[len(parts)-1]
		if !strings.HasPrefix(parameters, `"@signature-params": `) || !strings.Contains(parameters, `tag="eucora-telemetry"`) {
			untrue("signed as something else")
		}
		said := map[string]string{}
		for _, part := range parts[:len(parts)-1] {
			name, value, _ := strings.Cut(part[1:], `": `)
			said[name] = value
		}
		if said["eucora-installation"] != began.Installation || said["eucora-device"] != began.Device {
			untrue("of another device or installation")
		}
		if said["eucora-stream"] != told.Stream || number(said["eucora-sequence"]) != told.Sequence {
			untrue("not the batch that it says")
		}
		at, there := streams[told.Stream]
		items := strings.Split(strings.Split(said["eucora-items"], ";")[0], "-")
		first, last := number(items[0]), number(items[1])
		if !there {
			at = &stream{first: first}
			streams[told.Stream] = at
		}
		if told.Sequence <= at.sequence {
			untrue("out of order")
		}
		previous := said["eucora-previous"]
		if told.Sequence == at.sequence+1 && at.digest != "" && previous != "lost" && previous != at.digest {
			untrue("the chain is broken")
		}
		digest := sha256.Sum256([]byte(told.Base))
		at.sequence, at.digest = told.Sequence, "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":"
		at.ranges = append(at.ranges, [2]int64{first, last})
		for _, match := range lost.FindAllStringSubmatch(said["eucora-lost"], -1) {
			at.ranges = append(at.ranges, [2]int64{number(match[1]), number(match[2])})
		}
	}
	if ended.Batches != len(lines)-3 || len(ended.Claims) != len(streams) {
		untrue("the counts")
	}
	var count int64
	var missing []string
	for _, told := range ended.Claims {
		at, there := streams[told.Stream]
		if !there {
			untrue("a claim of another stream")
		}
		have := joined(at.ranges)
		var holes [][2]int64
		for n, each := range have {
			count += each[1] - each[0] + 1
			if n > 0 && each[1] >= at.first {
				holes = append(holes, [2]int64{have[n-1][1] + 1, each[0] - 1})
			}
		}
		if told.First != at.first || told.Last != have[len(have)-1][1] || fmt.Sprint(told.Missing) != fmt.Sprint(holes) {
			untrue("other items than it says")
		}
		for _, hole := range holes {
			missing = append(missing, fmt.Sprintf("missing %d-%d\n", hole[0], hole[1]))
		}
	}
	fmt.Printf("%d batches, %d items\n%s", len(lines)-3, count, strings.Join(missing, ""))
	if len(missing) > 0 {
		os.Exit(1)
	}
}
