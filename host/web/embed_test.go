package web

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestIndex_AtABasePath_RefersToAssetsThatExist(t *testing.T) {
	for _, base := range []string{"/", "/tools/livetail/"} {
		page, err := Index(base)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte(`<base href="`+base+`">`)) {
			t.Errorf("index for %s has another base", base)
		}
		refs := regexp.MustCompile(`(?:src|href)="-/(assets/[^"]+)"`).FindAllSubmatch(page, -1)
		if len(refs) < 3 {
			t.Fatalf("index refers to %d assets; a script, a style sheet and an icon are expected", len(refs))
		}
		for _, ref := range refs {
			if _, err := fs.Stat(FS(), string(ref[1])); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestIndex_OfAPathThatIsNone_IsAnError(t *testing.T) {
	for _, base := range []string{"", "a", "/a", "a/", "//evil.example/"} {
		if _, err := Index(base); err == nil {
			t.Errorf("base path %q is taken", base)
		}
	}
}

func TestIndex_OfAPathWithMarkup_StaysAnAttribute(t *testing.T) {
	page, err := Index(`/"><script>/`)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte(`"><script>/`)) {
		t.Error("the base path broke out of its attribute")
	}
}

func TestIndex_UnderItsPolicy_HasNothingInline(t *testing.T) {
	page, err := Index("/")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`<style|style=|\son\w+=|<script>`).Find(page); m != nil {
		t.Errorf("index has %q, which the policy refuses", m)
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
		if !strings.Contains(ContentSecurityPolicy, want) {
			t.Errorf("policy lacks %q", want)
		}
	}
}

func TestFS_CompressedForms_StandBesideTheirFile(t *testing.T) {
	err := fs.WalkDir(FS(), "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, ext := range []string{".br", ".gz"} {
			if plain, ok := strings.CutSuffix(name, ext); ok {
				if _, err := fs.Stat(FS(), plain); err != nil {
					t.Errorf("%s has no plain form", name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
