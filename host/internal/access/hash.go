package access

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Bounds of what one look at a secret may cost: it is done for strangers.
const (
	maxSecret       = 256 // bytes
	maxBcryptSecret = 72  // bytes; bcrypt ignores what comes after
	maxBcryptCost   = 14  // about 1 s
	maxArgonMemory  = 64 << 10
	maxArgonTime    = 10
	maxArgonThreads = 16
)

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var errHash = errors.New(`the hash is neither bcrypt ("$2b$10$…") nor argon2id ("$argon2id$v=19$m=…,t=…,p=…$SALT$KEY"); livetail token makes a line`)

// secretHash is what a secret is compared with.
type secretHash struct {
	text string
	// cost is roughly the time of one comparison, as kilobytes of argon2id; it serves to find the dearest of several.
	cost  int
	check func(secret string) bool
}

// parseHash understands the two kinds of hashes. Its errors never repeat the text.
func parseHash(text string) (secretHash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon2id(text)
	case strings.HasPrefix(text, "$2"):
		return parseBcrypt(text)
	}
	return secretHash{}, errHash
}

func parseBcrypt(text string) (secretHash, error) {
	// $2b$10$ and 53 characters of salt and key; b stands for a, b or y, which differ in the faults of old implementations alone.
	if len(text) != 60 || !strings.Contains("aby", text[2:3]) || text[3] != '$' || text[6] != '$' || strings.Trim(text[7:], bcryptAlphabet) != "" {
		return secretHash{}, errHash
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil {
		return secretHash{}, errHash
	}
	if cost > maxBcryptCost {
		return secretHash{}, fmt.Errorf("the bcrypt cost %d is more than %d", cost, maxBcryptCost)
	}
	return secretHash{text: text, cost: 64 << cost, check: func(secret string) bool {
		whole := len(secret) <= maxBcryptSecret
		if !whole {
			secret = secret[:maxBcryptSecret]
		}
		return bcrypt.CompareHashAndPassword([]byte(text), []byte(secret)) == nil && whole
	}}, nil
}

func parseArgon2id(text string) (secretHash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return secretHash{}, errHash
	}
	var version int
	var memory, time uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil ||
		parts[2]+" "+parts[3] != fmt.Sprintf("v=%d m=%d,t=%d,p=%d", version, memory, time, threads) || version != argon2.Version {
		return secretHash{}, errHash
	}
	if memory > maxArgonMemory || time < 1 || time > maxArgonTime || threads < 1 || threads > maxArgonThreads || memory < 8*uint32(threads) {
		return secretHash{}, fmt.Errorf("the argon2id parameters are outside of m <= %d, t <= %d, p <= %d", maxArgonMemory, maxArgonTime, maxArgonThreads)
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return secretHash{}, errHash
	}
	return secretHash{text: text, cost: int(memory) * int(time), check: func(secret string) bool {
		return subtle.ConstantTimeCompare(argon2.IDKey([]byte(secret), salt, time, memory, threads, uint32(len(key))), key) == 1
	}}, nil
}
