// Package settings reads the settings of Coursewright from defaults, a YAML
// file, the environment and flags, checks them, and reports everything that is
// wrong at once. One table in the code describes every setting; docs/config.md
// is made from it. The package opens no files but the configuration file and
// files with secrets, and does not check that paths exist or hosts answer.
// Start at Load.
package settings
