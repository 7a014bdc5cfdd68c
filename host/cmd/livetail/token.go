package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/livetail/livetail/host/internal/access"
)

func newToken() *cobra.Command {
	return &cobra.Command{
		Use:   "token NAME [ROOT …]",
		Short: "Make a credential: a token for a viewer, and the line for --token-file",
		Long: `Token makes a random token. What it prints to standard output is the line to append to the file that serve --token-file names; what it prints to
standard error is the token itself, which is shown only now. With ROOTs, whoever has the token may follow the logs below these paths alone.

    livetail token alice /var/log/nginx >> /etc/livetail/tokens`,
		Args: arguments(1, math.MaxInt, "name whom the token is for"),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, line, err := access.NewToken(args[0], args[1:]...)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "token: %s\n", token)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
}
