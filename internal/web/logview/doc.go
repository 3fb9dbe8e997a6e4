// Package logview shows logs of builds as HTML: it numbers their lines, divides
// them into sections, one for each step, and these into blocks, of which only
// those that are looked at are rendered. So a log of many megabytes costs a page
// little. It reads a log through a function and keeps nothing. Start at Read.
package logview
