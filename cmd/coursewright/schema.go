package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"coursewright/internal/courseconfig"
)

// newSchemaCommand makes the command that prints a JSON Schema.
func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema [index|exercise]",
		Short:     "Print the JSON Schema of the course index or of exercise configurations",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{string(courseconfig.IndexSchema), string(courseconfig.ExerciseSchema)},
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := courseconfig.IndexSchema
			if len(args) > 0 {
				kind = courseconfig.SchemaKind(args[0])
			}
			text, err := courseconfig.Schema(kind)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
			return err
		},
	}
}
