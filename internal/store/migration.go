package store

import (
	"errors"
	"fmt"
	"path"
)

// Migration is the way from a schema to the one of this program.
type Migration struct {
	From  int64    // version of the schema; 0: there is none
	To    int64    // version that this program needs
	Steps []string // names of what lies between, in order
}

// Add tells of a migration of this program; its file is named NNNN_name.sql.
func (m *Migration) Add(version int64, file string) {
	m.To = max(m.To, version)
	if version > m.From {
		m.Steps = append(m.Steps, path.Base(file))
	}
}

// CheckNewer gives an error for a schema that is newer than this program.
func (m Migration) CheckNewer() error {
	if m.From > m.To {
		return fmt.Errorf("it has schema %d, newer than the %d of this program; install a newer program or restore an older database", m.From, m.To)
	}
	return nil
}

// Check gives an error unless the schema is the one of this program.
func (m Migration) Check() error {
	if err := m.CheckNewer(); err != nil {
		return err
	}
	if m.From < m.To {
		return fmt.Errorf("it has schema %d, this program needs %d; %w", m.From, m.To, errMigrate)
	}
	return nil
}

var errMigrate = errors.New("run the migrate command first")
