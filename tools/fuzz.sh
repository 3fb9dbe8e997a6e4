#!/bin/sh
# Looks for inputs that crash a reader, or make it take more than a second or
# 256 MB: random ones for so long in all, then the worst courses that are known. It
# goes on after a failure; the input that failed stands in testdata/fuzz then.
#
#   fuzz.sh GO TIME        such as fuzz.sh go 30m; minutes (m) or seconds (s)
set -eu
go=$1
case $2 in
*m) seconds=$((${2%m} * 60)) ;;
*s) seconds=${2%s} ;;
*) echo "fuzz: the time is $2; write minutes or seconds, such as 30m or 90s" >&2; exit 2 ;;
esac
config=./internal/courseconfig
export COURSEWRIGHT_TEST_BOUNDS=1
status=0

# fuzz PACKAGE TARGET PERCENT
fuzz() {
	time=$((seconds * $3 / 100))
	echo "$2: $time seconds"
	"$go" test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${time}s" -fuzzminimizetime 1x -parallel 1 -timeout 0 || status=1
}
fuzz "$config" FuzzCourse 50
fuzz "$config" FuzzLoad 10
fuzz "$config/pyvalue" FuzzYAML 12
fuzz "$config/pyvalue" FuzzJSON 4
fuzz "$config/rst" FuzzHTML 14
fuzz "$config/djtemplate" FuzzRender 10
echo "the worst known courses"
"$go" test "$config" -run '^TestBounds$' -count=1 -timeout 60m || status=1
exit $status
