package access

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// minPassword is the shortest password that Line takes, in bytes.
const minPassword = 12

// NewToken makes a token of 130 random bits for name, and the line that makes it valid when it stands in the credentials file. The token is
// to be shown once and kept nowhere: the line holds only its hash. roots restrict it to these folders and files; none means everything.
//
// The token begins with the name and a dot. It works as a bearer token, and as the password of basic authentication.
func NewToken(name string, roots ...string) (token, line string, err error) {
	token = name + "." + rand.Text()
	line, err = Line(name, token, roots...)
	if err != nil {
		return "", "", err
	}
	return token, line, nil
}

// Line makes the line of the credentials file by which name may log in with a password, by basic authentication.
func Line(name, password string, roots ...string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	if len(password) < minPassword || len(password) > maxBcryptSecret {
		return "", fmt.Errorf("the password must be %d to %d bytes long", minPassword, maxBcryptSecret)
	}
	if strings.ContainsAny(password, "\r\n\x00") {
		return "", errors.New("the password must be one line")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	line := name + ":" + string(hash)
	if len(roots) == 0 {
		return line, nil
	}
	if roots, err = cleanRoots(roots); err != nil {
		return "", err
	}
	return line + ":" + strings.Join(roots, ","), nil
}
