package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"coursewright/internal/aplusauth"
	"coursewright/internal/settings"
)

// maxTokenLife bounds durations, which would overflow otherwise.
const maxTokenLife = 100 * 365 * 24 * time.Hour

const tokenHelp = `Token prints a token that this service's own key signs. SUB is whom it is for, such
as your name; it appears in the audit log. EXP is when it ends: a date (2027-01-31, in
TIME_ZONE), a date with time (2027-01-31T12:00, 2027-01-31T12:00:00Z), a duration
(1d2h3m4s, all parts optional), or false: never. AUD is the UID of the service that
takes the token, this one unless you say otherwise.

The permissions are a JSON list such as [["instance", 1, {"id": 5}]]: 1 reads, 2 writes,
4 creates. An empty list makes a master token, which opens everything here.

Send the token in the header Authorization: Bearer, or paste it into the login page.`

// newTokenCommand makes the command that makes tokens for administrators.
func newTokenCommand() *cobra.Command {
	var permissions, config string
	cmd := &cobra.Command{
		Use:   "token SUB EXP [AUD]",
		Short: "Make a token for an administrator or a script",
		Long:  tokenHelp,
		Example: "  echo '[]' | coursewright token admin 1h\n" +
			"  coursewright token script 2027-01-31 --permissions permissions.json",
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := settings.Load(settings.Sources{Config: config, Environ: os.Environ(), Others: notSettings()})
			if err != nil {
				return err
			}
			p, err := readPermissions(cmd, permissions)
			if err != nil {
				return err
			}
			claims := aplusauth.Claims{Subject: args[0], Audience: s.Auth.UID, Permissions: p}
			if len(args) > 2 {
				claims.Audience = args[2]
			}
			if claims.Expires, err = expiry(args[1], time.Now(), s.TimeZone); err != nil {
				return err
			}
			return printToken(cmd, s.Auth, claims)
		},
	}
	cmd.Flags().StringVarP(&permissions, "permissions", "p", "-", "JSON file with the permissions; -: standard input")
	cmd.Flags().StringVar(&config, "config", "", "YAML file with settings")
	return cmd
}

func printToken(cmd *cobra.Command, auth settings.Auth, claims aplusauth.Claims) error {
	switch {
	case auth.DisableJWTSigning:
		return errors.New("DISABLE_JWT_SIGNING is on: a token without signature opens nothing; switch it off, or use the service without token if DISABLE_LOGIN_CHECKS is on as well")
	case claims.Subject == "":
		return errors.New("SUB is empty; say whom the token is for")
	case claims.Audience == "":
		return errors.New("AUD is empty; leave it out for a token of this service")
	}
	tokens, err := newTokens(auth)
	if err != nil {
		return err
	}
	token, err := tokens.Sign(claims)
	if err != nil {
		return err
	}
	life := "It never expires."
	if !claims.Expires.IsZero() {
		life = "It expires at " + claims.Expires.Format(time.RFC3339) + "."
	}
	power := ""
	if len(claims.Permissions) == 0 && claims.Audience == tokens.UID() {
		power = " It is a master token: whoever has it may do everything here."
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Token of %q for %q. %s%s\n", claims.Subject, claims.Audience, life, power)
	_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
	return err
}

// readPermissions reads the list from a file, or from standard input for "-".
func readPermissions(cmd *cobra.Command, file string) ([]aplusauth.Permission, error) {
	source := file
	var data []byte
	var err error
	if file == "-" {
		source = "standard input"
		if f, ok := cmd.InOrStdin().(*os.File); ok && isTerminal(f) {
			fmt.Fprintln(cmd.ErrOrStderr(), "Type the permissions as JSON, then Ctrl-D; [] makes a master token.")
		}
		data, err = io.ReadAll(cmd.InOrStdin())
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("permissions: %w", err)
	}
	var list []aplusauth.Permission
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf(`permissions from %s: %w; give a JSON list such as [["instance", 1, {"id": 5}]], or [] for a master token`, source, err)
	}
	if list == nil {
		return nil, fmt.Errorf("permissions from %s: null is no list; give [] for a master token", source)
	}
	return list, nil
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

var durations = regexp.MustCompile(`^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$`)

// expiry reads when a token ends; the zero time is never.
func expiry(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "false" {
		return time.Time{}, nil
	}
	end, err := endOf(text, now, zone)
	switch {
	case err != nil:
		return end, err
	case !end.After(now):
		return end, fmt.Errorf("EXP %q is not in the future; it is %s now", text, now.In(zone).Format(time.RFC3339))
	}
	return end, nil
}

func endOf(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if parts := durations.FindStringSubmatch(text); parts != nil && text != "" {
		var life time.Duration
		for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
			n, err := strconv.Atoi("0" + parts[i+1])
			if err != nil || time.Duration(n) > maxTokenLife/unit {
				return now, fmt.Errorf("EXP %q is more than 100 years; write false for a token that never expires", text)
			}
			life += time.Duration(n) * unit
		}
		return now.Add(life).Truncate(time.Second), nil
	}
	for _, layout := range []string{
		time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04Z07:00", time.RFC3339,
	} {
		if end, err := time.ParseInLocation(layout, text, zone); err == nil {
			return end, nil
		}
	}
	return now, fmt.Errorf("EXP %q is not a time; give a date such as 2027-01-31, a date with time such as 2027-01-31T12:00, a duration such as 1d2h3m4s, or false for never", text)
}
