package client

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFollow_CertificateThatIsNotTrusted_IsNotTriedAgain(t *testing.T) {
	web := httptest.NewUnstartedServer(http.NotFoundHandler())
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // It is told that the handshake failed.
	web.StartTLS()
	defer web.Close()
	o := Options{Attempts: 3, OnStatus: func(s Status) { t.Errorf("it goes on with %+v", s) }}
	for _, err := range Follow(t.Context(), web.URL+"/a.log", o) {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			t.Errorf("got %v", err)
		}
	}
}
